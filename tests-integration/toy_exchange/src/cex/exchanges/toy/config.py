"""Settings of Toy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from cex.config.exchanges.base_exchange_config import BaseExchangeConfig
from cex.exchanges.toy.constants import EXCHANGE, PROFILES

__all__ = ["ToyConfig"]


class ToyConfig(BaseExchangeConfig):
    """Settings of Toy; endpoints are ``rest`` and ``ws``.

    What only this exchange has becomes a field of its own, with a description.
    """

    exchange: ClassVar[str] = EXCHANGE
    profiles: ClassVar[Mapping[str, Mapping[str, str]]] = PROFILES
