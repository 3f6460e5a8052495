"""The factory that the entry point names."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from cex.common.exceptions import ConfigurationException
from cex.common.types.symbols import Symbol
from cex.config.exchanges.base_exchange_config import BaseExchangeConfig
from cex.exchanges.mexc.config import MexcConfig
from cex.exchanges.mexc.factory import MexcExchangeFactory
from cex.exchanges.mexc.public import MexcPublicExchange
from cex.exchanges.mexc.rest import MexcRestClient
from cex.exchanges.mexc.websocket import MexcWebSocketClient


def test_the_entry_point_names_it() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["entry-points"]["cex.exchanges"]["mexc"].partition(":")
    assert getattr(import_module(module), name) is MexcExchangeFactory
    assert MexcExchangeFactory.exchange == "mexc"
    assert MexcExchangeFactory.config_type is MexcConfig


def test_it_builds_our_classes_and_opens_nothing() -> None:
    factory, config = MexcExchangeFactory(), MexcConfig()
    assert type(factory.create_rest_client(config)) is MexcRestClient
    assert type(factory.create_websocket_client(config)) is MexcWebSocketClient
    assert type(factory.create_public_exchange(config)) is MexcPublicExchange


def test_settings_reach_the_clients() -> None:
    config = MexcConfig(
        endpoints={"rest": "http://127.0.0.1:1", "ws": "ws://127.0.0.1:1/ws"}, book_interval="10ms", book_depth=500
    )
    assert MexcRestClient.from_config(config).url == "http://127.0.0.1:1"
    websocket = MexcWebSocketClient.from_config(config)
    assert (websocket.url, websocket.book_interval) == ("ws://127.0.0.1:1/ws", "10ms")
    assert websocket.book_facts(Symbol("BTC/USDT")).snapshot_depth == 500


@pytest.mark.parametrize("build", ["create_rest_client", "create_websocket_client"])
def test_the_private_side_is_not_offered_yet(build: str) -> None:
    with pytest.raises(ConfigurationException, match="not offered yet"):
        getattr(MexcExchangeFactory(), build)(MexcConfig(), is_private=True)


def test_no_private_exchange_either() -> None:
    with pytest.raises(ConfigurationException, match="not offered yet"):
        MexcExchangeFactory().create_private_exchange(MexcConfig())


def test_settings_of_another_exchange_are_refused() -> None:
    class Other(BaseExchangeConfig):
        exchange = "other"

    with pytest.raises(ConfigurationException, match="MexcConfig"):
        MexcExchangeFactory().create_rest_client(Other())  # type: ignore[arg-type]
