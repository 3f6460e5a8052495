"""The ``cex`` command: the one place where everything is put together and logging is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.cli.app import build_app, main

__all__ = ["build_app", "main"]

__getattr__ = lazy_exports(__name__, {"app": ["build_app", "main"]})
