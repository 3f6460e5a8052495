"""The sides of a book: compiled where this installation has the extension, and in plain Python everywhere else.

Both do the same, level by level. ``CEX_NO_EXTENSIONS=1`` in the environment takes the plain ones in any case.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

__all__ = ["COMPILED", "BookSide", "is_uncrossed", "top_of"]

COMPILED = False
"""Whether :class:`BookSide` is the compiled one."""

if TYPE_CHECKING:
    from cex.common.book.plain import BookSide, is_uncrossed, top_of
else:
    try:
        if os.environ.get("CEX_NO_EXTENSIONS"):
            raise ImportError("CEX_NO_EXTENSIONS is set")
        from cex.common.book._native import BookSide, is_uncrossed, top_of

        COMPILED = True
    except ImportError:
        from cex.common.book.plain import BookSide, is_uncrossed, top_of
