"""Public names resolved on first use (PEP 562), so that importing a package costs only what is used of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

__all__ = ["lazy_exports"]


def lazy_exports(package: str, rooms: Mapping[str, Sequence[str]]) -> Callable[[str], object]:
    """Return a module-level ``__getattr__`` for ``package``.

    ``rooms`` maps each submodule (relative, such as ``"types.symbols"``) to the public names it provides. A name is
    imported at its first use and then kept in the package, so later uses cost nothing extra.
    """
    room_of = {name: room for room, names in rooms.items() for name in names}

    def resolve(name: str) -> object:
        room = room_of.get(name)
        if room is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{package}.{room}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return resolve
