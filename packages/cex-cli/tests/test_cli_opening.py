"""Which exchanges a command opens, and with which addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from cex.cli.opening import addressed, opened_exchanges
from cex.cli.running import Trouble
from cex.common.exceptions import ConfigurationException, ExchangeConnectionException
from cex.common.types.symbols import Symbol
from cex.config import BaseExchangeConfig
from cex.exchanges.base.factory import BaseExchangeFactory
from cex.factory import ComponentRegistry, FactoryManager

BTC = Symbol("BTC/USDT")


class ToyConfig(BaseExchangeConfig):
    exchange: ClassVar[str] = "toy"
    profiles: ClassVar[Mapping[str, Mapping[str, str]]] = {"live": {"rest": "https://toy.example"}}

    book_interval: str = "100ms"


class ToyFactory(BaseExchangeFactory[ToyConfig]):
    exchange = "toy"
    config_type = ToyConfig
    built: ClassVar[list[Any]] = []
    make: ClassVar[Any] = None

    def build_rest_client(self, config: ToyConfig) -> Any:
        return None

    def build_websocket_client(self, config: ToyConfig) -> Any:
        return None

    def build_public_exchange(self, *, config: ToyConfig, rest_client: Any, websocket_client: Any) -> Any:
        exchange = type(self).make("toy", BTC)
        self.built.append((config, self.tap, exchange))
        return exchange


@pytest.fixture
def registry(make_exchange: Any) -> ComponentRegistry:
    ToyFactory.built.clear()
    ToyFactory.make = make_exchange
    registry = ComponentRegistry(find=dict)
    registry.register_factory("toy", ToyFactory)
    return registry


async def test_exchanges_are_opened_and_closed(registry: ComponentRegistry) -> None:
    tap: Any = object()
    async with opened_exchanges(None, tap=tap, registry=registry) as (toy,):
        assert toy.opened  # type: ignore[attr-defined]
    assert toy.closed  # type: ignore[attr-defined]
    ((config, heard, _),) = ToyFactory.built
    assert config.endpoint("rest") == "https://toy.example"
    assert heard is tap


async def test_one_that_is_named_twice_is_opened_once(registry: ComponentRegistry) -> None:
    async with opened_exchanges(["toy", "toy"], registry=registry) as exchanges:
        assert len(exchanges) == 1


async def test_one_that_is_not_there_is_told(registry: ComponentRegistry) -> None:
    with pytest.raises(Trouble, match="there is no exchange 'nope' here; there are: toy"):
        async with opened_exchanges(["nope"], registry=registry):
            pass
    with pytest.raises(Trouble, match="no exchange is installed: pip install"):
        async with opened_exchanges(None, registry=ComponentRegistry(find=dict)):
            pass


async def test_one_that_cannot_be_reached_is_told(registry: ComponentRegistry, make_exchange: Any) -> None:
    class Unreachable(make_exchange):  # type: ignore[misc]
        async def open(self) -> None:
            raise ExchangeConnectionException("no route", "toy")

    ToyFactory.make = Unreachable
    with pytest.raises(Trouble, match="toy cannot be reached: no route; look at the network"):
        async with opened_exchanges(None, registry=registry):
            pass
    ((_, _, exchange),) = ToyFactory.built
    assert exchange.closed


async def test_one_that_is_switched_off_is_opened_only_by_name(
    registry: ComponentRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEX__EXCHANGES__TOY__ENABLED", "false")
    async with opened_exchanges(["toy"], registry=registry) as exchanges:
        assert len(exchanges) == 1
    with pytest.raises(Trouble, match="every exchange is switched off"):
        async with opened_exchanges(None, registry=registry):
            pass


async def test_addresses_replace_all_others_and_foreign_settings_are_left_out(registry: ComponentRegistry) -> None:
    async with FactoryManager({}, registry) as factory:
        config = addressed(
            factory, "toy", {"rest": "http://127.0.0.1:1", "ws_futures": "ws://x"}, book_interval="20ms", book_depth=5
        )
    assert isinstance(config, ToyConfig)
    assert (config.profile, dict(config.endpoints)) == ("custom", {"rest": "http://127.0.0.1:1"})
    assert config.book_interval == "20ms"


async def test_faulty_settings_are_told(registry: ComponentRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEX__EXCHANGES__TOY__PROFILE", "moon")
    with pytest.raises(ConfigurationException, match="moon"):
        async with opened_exchanges(None, registry=registry):
            pass
