from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import pytest

from cex.common.clock import ManualClock
from cex.common.exceptions import ConfigurationException
from cex.config import BaseExchangeConfig, NetworkConfig
from cex.config.infrastructure.network_config import ProxyUrl
from cex.exchanges.base.factory import (
    BaseExchangeFactory,
    account_scope,
    http_transport,
    rate_limiter,
    rest_options,
    websocket_options,
    websocket_transport,
)
from cex.networking import RestClient, RetryPolicy, Timeouts


class VenueConfig(BaseExchangeConfig):
    exchange: ClassVar[str] = "venue"
    profiles: ClassVar[Mapping[str, Mapping[str, str]]] = {"live": {"rest": "https://venue.example"}}


class VenueFactory(BaseExchangeFactory[VenueConfig]):
    exchange = "venue"
    config_type = VenueConfig

    def build_rest_client(self, config: VenueConfig) -> Any:
        return ("rest", False, self.tap)

    def build_websocket_client(self, config: VenueConfig) -> Any:
        return ("websocket", False, self.tap)

    def build_public_exchange(self, **parts: Any) -> Any:
        return parts


class WithPrivateSide(VenueFactory):
    def build_private_rest_client(self, config: VenueConfig, *, account: str) -> Any:
        return ("rest", account, self.tap)

    def build_private_websocket_client(self, config: VenueConfig, *, account: str, rest_client: Any) -> Any:
        return ("websocket", account, rest_client)

    def build_private_exchange(self, **parts: Any) -> Any:
        return parts


class Overrides:
    """Replaces the websocket client and the private composite."""

    def rest_client(self, exchange: str) -> None:
        return None

    def websocket_client(self, exchange: str) -> Any:
        return lambda config, is_private, account="": (f"my {exchange} websocket", is_private, account)

    def composite(self, exchange: str, *, is_private: bool) -> Any:
        return dict if is_private else None


def test_the_public_exchange_gets_public_clients() -> None:
    config = VenueConfig()
    parts: Any = VenueFactory().create_public_exchange(config)
    assert parts == {
        "config": config,
        "rest_client": ("rest", False, None),
        "websocket_client": ("websocket", False, None),
    }


def test_the_private_exchange_gets_private_clients() -> None:
    parts: Any = WithPrivateSide().create_private_exchange(VenueConfig())
    rest = ("rest", "default", None)
    assert parts["rest_client"] == rest
    assert parts["websocket_client"] == ("websocket", "default", rest)
    assert parts["account"] == "default"


def test_accounts_are_told_apart_by_their_label() -> None:
    parts: Any = WithPrivateSide().create_private_exchange(VenueConfig(), "second")
    assert (parts["account"], parts["rest_client"]) == ("second", ("rest", "second", None))
    alone: Any = WithPrivateSide().create_websocket_client(VenueConfig(), True, "second")
    assert alone == ("websocket", "second", None)


def test_without_a_private_side_nothing_private_is_made() -> None:
    factory, nothing = VenueFactory(), cast("Any", None)
    for create in (
        factory.create_private_exchange,
        lambda config: factory.create_rest_client(config, is_private=True),
        lambda config: factory.create_websocket_client(config, is_private=True),
    ):
        with pytest.raises(ConfigurationException, match="venue: orders and balances are not offered yet"):
            create(VenueConfig())
    with pytest.raises(ConfigurationException, match="not offered yet"):
        factory.build_private_exchange(
            config=VenueConfig(), account="default", rest_client=nothing, websocket_client=nothing
        )


def test_overrides_are_asked_first() -> None:
    factory = WithPrivateSide(Overrides())
    public: Any = factory.create_public_exchange(VenueConfig())
    assert public["rest_client"] == ("rest", False, None)
    assert public["websocket_client"] == ("my venue websocket", False, "")
    assert "owns_clients" not in public, "the exchange's own composite owns its clients by itself"
    private: Any = factory.create_private_exchange(VenueConfig())
    assert private["websocket_client"] == ("my venue websocket", True, "default")
    assert private["owns_clients"] is True
    assert private["account"] == "default"


def test_a_tap_is_there_for_the_exchanges_own_clients() -> None:
    tap: Any = object()
    client: Any = VenueFactory(tap=tap).create_rest_client(VenueConfig())
    assert client == ("rest", False, tap)


def test_settings_of_another_type_are_refused() -> None:
    with pytest.raises(
        ConfigurationException, match="venue takes settings of type VenueConfig, not BaseExchangeConfig"
    ):
        VenueFactory().create_public_exchange(BaseExchangeConfig())  # type: ignore[arg-type]


async def test_settings_become_options_of_the_rest_client() -> None:
    config = VenueConfig(
        network=NetworkConfig(
            connect_timeout=1, read_timeout=2, total_timeout=3, retry_attempts=4, retry_first=0.5, retry_most=6
        )
    )
    options = rest_options(config)
    assert options["timeouts"] == Timeouts(connect=1, read=2, total=3)
    assert options["retry"] == RetryPolicy(attempts=4, first=0.5, most=6)
    transport = http_transport(config)
    client = RestClient(config.endpoint("rest"), exchange="venue", transport=transport, **options)
    await client.aclose()
    await transport.aclose()


def test_settings_become_options_of_the_websocket_client() -> None:
    config = VenueConfig(
        network=NetworkConfig(connect_timeout=1, reconnect_first=2, reconnect_most=3, subscribe_timeout=4)
    )
    options = websocket_options(config)
    assert (options["reconnect"].first, options["reconnect"].most) == (2, 3)
    assert options["connect_timeout"] == 1
    assert options["subscribe_timeout"] == 4


def test_an_exchange_shares_the_budget_of_connects_unless_it_has_its_own() -> None:
    assert "budget" not in websocket_options(VenueConfig())
    assert "budget" in websocket_options(VenueConfig(network=NetworkConfig(connects_per_minute=7)))


def test_the_defaults_of_settings_and_of_networking_are_the_same() -> None:
    options = rest_options(VenueConfig())
    assert options["timeouts"] == Timeouts()
    assert options["retry"] == RetryPolicy()


def test_the_proxy_reaches_both_transports() -> None:
    config = VenueConfig(network=NetworkConfig(proxy=ProxyUrl("http://me:canary@127.0.0.1:3128")))
    for transport in (http_transport(config), websocket_transport(config)):
        assert vars(transport)["_proxy"] == "http://me:canary@127.0.0.1:3128"
        assert "canary" not in repr(transport)
    for transport in (http_transport(VenueConfig()), websocket_transport(VenueConfig())):
        assert vars(transport)["_proxy"] is None


def of_two_accounts() -> VenueConfig:
    return VenueConfig.model_validate(
        {
            "accounts": {
                "default": {"api_key": "key-of-one", "secret_key": "secret-of-one"},
                "again": {"api_key": "key-of-one", "secret_key": "secret-of-one"},
                "other": {"api_key": "key-of-two", "secret_key": "secret-of-two", "proxy": "http://127.0.0.1:3129"},
            }
        }
    )


def test_an_account_may_have_a_proxy_of_its_own() -> None:
    config = of_two_accounts()
    for transport in (http_transport(config, "other"), websocket_transport(config, "other")):
        assert vars(transport)["_proxy"] == "http://127.0.0.1:3129"
    assert vars(http_transport(config, "default"))["_proxy"] is None


def test_clients_of_one_host_share_a_limiter_unless_a_proxy_stands_between() -> None:
    config = of_two_accounts()
    mine = rate_limiter(config, "rest", "default")
    assert rate_limiter(config, "rest") is mine
    assert rate_limiter(config, "rest", "other") is not mine
    assert rate_limiter(config, "rest", clock=ManualClock()) is not mine


def test_the_scope_of_an_account_tells_keys_apart_and_nothing_of_them() -> None:
    config = of_two_accounts()
    scope = account_scope(config, "default")
    assert account_scope(config, "again") == scope != account_scope(config, "other")
    assert "key" not in scope
