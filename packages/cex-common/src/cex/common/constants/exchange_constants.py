"""What holds for every exchange; the facts of one exchange stand in that exchange's own ``constants``."""

from __future__ import annotations

from typing import Final

from cex.common.enums import ExchangeEnum

__all__ = ["DEFAULT_ACCOUNT", "KNOWN_EXCHANGES", "LIVE_PROFILE", "TESTNET_PROFILE"]

KNOWN_EXCHANGES: Final = tuple(str(name) for name in ExchangeEnum)
DEFAULT_ACCOUNT: Final = "default"
LIVE_PROFILE: Final = "live"
TESTNET_PROFILE: Final = "testnet"
