"""How a case says that something is otherwise than it must be."""

from __future__ import annotations

__all__ = ["CaseFailed", "check"]


class CaseFailed(Exception):
    """What a case found to be otherwise than it must be."""


def check(holds: object, otherwise: str) -> None:
    """Fail the case with ``otherwise`` unless ``holds``."""
    if not holds:
        raise CaseFailed(otherwise)
