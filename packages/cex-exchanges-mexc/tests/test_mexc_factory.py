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
from cex.exchanges.mexc.private import MexcPrivateExchange
from cex.exchanges.mexc.public import MexcPublicExchange
from cex.exchanges.mexc.rest import MexcPrivateRestClient, MexcRestClient
from cex.exchanges.mexc.websocket import MexcPrivateWebSocketClient, MexcWebSocketClient


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


KEYS = {"default": {"api_key": "mx0one", "secret_key": "s-one"}, "hedge": {"api_key": "mx0two", "secret_key": "s-two"}}


async def test_it_builds_the_private_side_of_an_account_and_opens_nothing() -> None:
    factory, config = MexcExchangeFactory(), MexcConfig.model_validate({"accounts": KEYS})
    rest = factory.create_rest_client(config, True, "hedge")
    assert isinstance(rest, MexcPrivateRestClient)
    assert rest.account == "hedge"
    streams = factory.create_websocket_client(config, True, "hedge", rest_client=rest)
    assert isinstance(streams, MexcPrivateWebSocketClient)
    assert (streams.account, streams.url) == ("hedge", "wss://wbs-api.mexc.com/ws")
    exchange = factory.create_private_exchange(config)
    assert isinstance(exchange, MexcPrivateExchange)
    assert exchange.account == "default"


async def test_streams_without_a_rest_client_close_their_own() -> None:
    config = MexcConfig.model_validate({"accounts": KEYS})
    streams = MexcExchangeFactory().create_websocket_client(config, True)
    assert isinstance(streams, MexcPrivateWebSocketClient)
    await streams.aclose()


def test_an_account_that_is_not_configured_is_told() -> None:
    with pytest.raises(ConfigurationException, match="no account 'default'"):
        MexcExchangeFactory().create_private_exchange(MexcConfig())
    with pytest.raises(ConfigurationException, match="no account 'default'"):
        MexcPrivateExchange.from_config(MexcConfig())


def test_settings_of_another_exchange_are_refused() -> None:
    class Other(BaseExchangeConfig):
        exchange = "other"

    with pytest.raises(ConfigurationException, match="MexcConfig"):
        MexcExchangeFactory().create_rest_client(Other())  # type: ignore[call-overload]
