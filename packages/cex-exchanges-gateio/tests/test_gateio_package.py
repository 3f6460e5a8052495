"""What the package exposes and announces, its settings and its factory."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
from pydantic import ValidationError

import cex.exchanges.gateio
from cex.common.enums import MarketType
from cex.common.exceptions import ConfigurationException
from cex.common.types.symbols import Symbol
from cex.config.exchanges.base_exchange_config import BaseExchangeConfig
from cex.exchanges.gateio import (
    GateioConfig,
    GateioExchangeFactory,
    GateioOrderEntry,
    GateioPrivateExchange,
    GateioPrivateRestClient,
    GateioPrivateWebSocketClient,
    GateioPublicExchange,
)
from cex.exchanges.gateio.rest import GateioRestClient
from cex.exchanges.gateio.websocket import GateioWebSocketClient

SPOT, FUTURES = MarketType.SPOT, MarketType.FUTURES
MARKERS = {"cex.exchanges.gateio.decode", "cex.exchanges.gateio.wire"}
MODULES = [
    cex.exchanges.gateio.__name__,
    *(found.name for found in walk_packages(cex.exchanges.gateio.__path__, "cex.exchanges.gateio.")),
]


@pytest.mark.parametrize("name", [name for name in MODULES if name not in MARKERS])
def test_every_name_in_all_exists(name: str) -> None:
    module = import_module(name)
    assert module.__all__
    for exported in module.__all__:
        assert getattr(module, exported) is not None


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = cex.exchanges.gateio.nothing  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "room",
    [
        "",
        "decode.spot",
        "decode.futures",
        "decode.private_spot",
        "decode.private_futures",
        "decode.private_wallet",
        "decode.requests",
        "wire.spot",
        "wire.futures",
        "wire.private_spot",
        "wire.private_futures",
        "wire.private_wallet",
        "wire.order_api",
        "symbols",
        "errors",
        "constants",
    ],
)
def test_what_only_translates_brings_no_sockets_and_no_settings(room: str) -> None:
    heavy = "{'aiohttp', 'asyncio', 'pydantic'}"
    module = f"cex.exchanges.gateio.{room}".rstrip(".")
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ---- settings ------------------------------------------------------------------------------------------------------


def test_the_live_profile_is_the_default() -> None:
    config = GateioConfig()
    assert isinstance(config, BaseExchangeConfig)
    assert config.profile == "live"
    assert config.endpoint("rest") == "https://api.gateio.ws/api/v4"
    assert config.endpoint("ws_spot") == "wss://api.gateio.ws/ws/v4/"
    assert config.book_interval == "100ms"
    assert config.book_channel == "order_book_update"
    assert config.served_markets() == (SPOT, FUTURES)


def test_the_testnet_has_its_own_addresses() -> None:
    config = GateioConfig(profile="testnet")
    assert config.endpoint("rest") == "https://api-testnet.gateapi.io/api/v4"
    assert config.endpoint("ws_spot") == "wss://ws-testnet.gate.com/v4/ws/spot"


def test_the_addresses_that_a_sandbox_prints_are_accepted() -> None:
    printed = {
        "rest": "http://127.0.0.1:8080/api/v4",
        "ws_spot": "ws://127.0.0.1:8080/ws/v4/",
        "ws_futures_usdt": "ws://127.0.0.1:8080/v4/ws/usdt",
    }
    config = GateioConfig(profile="custom", endpoints=printed)
    assert {name: config.endpoint(name) for name in printed} == printed


@pytest.mark.parametrize(
    "settings",
    [
        {"profile": "sandbox"},
        {"endpoints": {"ws": "ws://127.0.0.1/"}},
        {"endpoints": {"rest": "127.0.0.1"}},
        {"book_interval": "1000ms"},
        {"book_intervall": "100ms"},
        {"book_channel": "order_book"},
        {"markets": ()},
        {"markets": ("margin",)},
        {"order_validity": 0.5},
        {"order_validity": 61},
        {"order_entry": "fix"},
        {"account_mode": "margin"},
    ],
    ids=str,
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises((ConfigurationException, ValidationError)):
        GateioConfig(**settings)


REST, WS, FX = "http://127.0.0.1:8080/api/v4", "ws://127.0.0.1:8080/ws/v4/", "ws://127.0.0.1:8080/v4/ws/usdt"


@pytest.mark.parametrize(
    ("settings", "served"),
    [
        ({"profile": "testnet"}, (SPOT, FUTURES)),
        ({"markets": ("spot",)}, (SPOT,)),
        ({"markets": ("futures",)}, (FUTURES,)),
        ({"markets": ("futures", "spot")}, (SPOT, FUTURES)),
        ({"endpoints": {"rest": REST, "ws_spot": WS}}, (SPOT,)),
        ({"endpoints": {"rest": REST, "ws_futures_usdt": FX}}, (FUTURES,)),
        ({"endpoints": {"rest": REST, "ws_spot": WS, "ws_futures_usdt": FX}}, (SPOT, FUTURES)),
        ({"endpoints": {"ws_spot": WS}}, (SPOT, FUTURES)),
        ({"profile": "custom", "endpoints": {"rest": REST, "ws_spot": WS}}, (SPOT,)),
    ],
    ids=str,
)
def test_a_market_is_served_where_its_stream_belongs_to_the_rest_address(
    settings: dict[str, Any], served: tuple[MarketType, ...]
) -> None:
    assert GateioConfig(**settings).served_markets() == served


def test_a_market_that_is_asked_for_needs_an_address() -> None:
    config = GateioConfig(profile="custom", endpoints={"rest": REST, "ws_spot": WS}, markets=("futures",))
    with pytest.raises(ConfigurationException, match="ws_futures_usdt"):
        GateioWebSocketClient.from_config(config)


# ---- factory -------------------------------------------------------------------------------------------------------


def test_it_is_announced() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    announced = project["entry-points"]["cex.exchanges"]
    assert list(announced) == ["gateio"]
    point = EntryPoint(name="gateio", value=announced["gateio"], group="cex.exchanges")
    assert point.load() is GateioExchangeFactory


async def test_building_opens_nothing() -> None:
    factory = GateioExchangeFactory()
    config = GateioConfig(book_interval="20ms", book_channel="obu", markets=("spot",))
    rest = factory.create_rest_client(config)
    websocket = factory.create_websocket_client(config)
    assert isinstance(rest, GateioRestClient)
    assert rest.url == "https://api.gateio.ws/api/v4"
    assert isinstance(websocket, GateioWebSocketClient)
    assert websocket.book_interval == "20ms"
    assert websocket.book_channel == "obu"
    assert websocket.book_facts(Symbol("BTC/USDT")).window == 50
    assert list(websocket.clients) == [SPOT]
    assert isinstance(factory.create_public_exchange(config), GateioPublicExchange)


ACCOUNTS: Any = {
    "default": {"api_key": "the-public-half", "secret_key": "the-signing-half"},
    "second": {"api_key": "another-public-half", "secret_key": "another-signing-half", "withdrawals": True},
}


async def test_the_private_side_of_an_account() -> None:
    factory = GateioExchangeFactory()
    config = GateioConfig(accounts=ACCOUNTS, order_entry="websocket", order_validity=3, account_mode="unified")
    rest = factory.create_rest_client(config, True, "second")
    assert isinstance(rest, GateioPrivateRestClient)
    assert (rest.account, rest.order_validity_s, rest.withdrawals_enabled) == ("second", 3, True)
    assert await rest.is_unified()
    websocket = factory.create_websocket_client(config, True, "second", rest_client=rest)
    assert isinstance(websocket, GateioPrivateWebSocketClient)
    assert isinstance(websocket.orders, GateioOrderEntry)
    exchange = factory.create_private_exchange(config)
    assert isinstance(exchange, GateioPrivateExchange)
    assert exchange.account == "default"
    for each in (exchange, websocket, rest):
        await each.aclose()


async def test_private_streams_without_an_account_by_rest_make_one() -> None:
    streams = GateioExchangeFactory().create_websocket_client(GateioConfig(accounts=ACCOUNTS), True)
    assert isinstance(streams, GateioPrivateWebSocketClient)
    assert streams.orders is None
    await streams.aclose()


async def test_accounts_that_are_not_configured_are_told() -> None:
    factory = GateioExchangeFactory()
    with pytest.raises(ConfigurationException, match="no account 'default'"):
        factory.create_private_exchange(GateioConfig())
    with pytest.raises(ConfigurationException, match="no account 'thrid'"):
        GateioPrivateExchange.from_config(GateioConfig(accounts=ACCOUNTS), "thrid")


async def test_two_clients_of_an_account_share_its_budget() -> None:
    config = GateioConfig(accounts={**ACCOUNTS, "again": ACCOUNTS["default"]})
    one, same, other = (GateioPrivateRestClient.from_config(config, name) for name in ("default", "again", "second"))
    public = GateioRestClient.from_config(config)
    assert one.limits.limiter is same.limits.limiter is other.limits.limiter
    pools = {client.limits.spot_orders("BTC_USDT") for client in (one, same, other)}
    assert len(pools) == 2
    for client in (one, same, other, public):
        await client.aclose()


@pytest.mark.parametrize(("mode", "is_unified"), [("auto", None), ("classic", False), ("unified", True)])
def test_the_kind_of_account_can_be_told(mode: Any, is_unified: bool | None) -> None:
    assert GateioConfig(account_mode=mode).is_unified() is is_unified


def test_settings_of_another_exchange_are_refused() -> None:
    with pytest.raises(ConfigurationException, match="takes settings of type GateioConfig"):
        GateioExchangeFactory().create_rest_client(BaseExchangeConfig())  # type: ignore[call-overload]


async def test_without_settings_it_is_the_live_exchange() -> None:
    exchange = GateioPublicExchange()
    assert exchange.exchange == "gateio"
    await exchange.aclose()
