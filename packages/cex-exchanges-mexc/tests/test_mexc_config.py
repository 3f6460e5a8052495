"""Settings of MEXC: addresses, and what a book is made of."""

from __future__ import annotations

import pytest

from cex.common.exceptions import ConfigurationException
from cex.exchanges.mexc.config import MexcConfig


def test_defaults_are_the_live_exchange() -> None:
    config = MexcConfig()
    assert config.endpoint("rest") == "https://api.mexc.com"
    assert config.endpoint("ws") == "wss://wbs-api.mexc.com/ws"
    assert (config.book_interval, config.book_depth) == ("100ms", 1000)


def test_there_is_no_testnet() -> None:
    with pytest.raises(ConfigurationException, match="profile"):
        MexcConfig(profile="testnet")


def test_endpoints_can_be_elsewhere() -> None:
    config = MexcConfig(endpoints={"rest": "http://127.0.0.1:1234", "ws": "ws://127.0.0.1:1234/ws"})
    assert config.endpoint("rest") == "http://127.0.0.1:1234"
    assert config.endpoint("ws") == "ws://127.0.0.1:1234/ws"


@pytest.mark.parametrize("values", [{"book_interval": "20ms"}, {"book_depth": 0}, {"book_depth": 2001}, {"depth": 5}])
def test_what_cannot_be(values: dict[str, object]) -> None:
    with pytest.raises(ConfigurationException, match=next(iter(values))):
        MexcConfig(**values)  # type: ignore[arg-type]
