"""How Gate.io writes numbers: prices and amounts in quotes, sizes of contracts with or without, times in many units.

Bounds keep ``nan`` and ``inf`` out, which a quoted number could spell.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

__all__ = [
    "Figure",
    "FineTime",
    "Levels",
    "Milliseconds",
    "Number",
    "Seconds",
    "SignedSize",
    "Size",
    "UpdateId",
]

Number = Annotated[float, Meta(ge=0, le=1e300)]
"""A price or amount, quoted or not."""
Size = Annotated[int, Meta(ge=0, le=10**18)] | Annotated[float, Meta(ge=0, le=1e18)]
"""Contracts: ``2100``, ``"2100"`` or, with ``X-Gate-Size-Decimal``, ``"12.3"``; whole ones become ``int``."""
SignedSize = Annotated[int, Meta(ge=-(10**18), le=10**18)] | Annotated[float, Meta(ge=-1e18, le=1e18)]
"""Contracts of a trade; a negative size was sold by the taker."""
Figure = str | int | float | None
"""A figure of a ticker: quoted or not, ``""`` or absent where there is none."""
FineTime = str | int | float
"""A time with digits behind the point, quoted or not; whether seconds or milliseconds depends on the message."""
Levels = list[tuple[Number, Number]]
Milliseconds = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]
Seconds = Annotated[int, Meta(ge=0, le=4_102_444_800)]
UpdateId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
