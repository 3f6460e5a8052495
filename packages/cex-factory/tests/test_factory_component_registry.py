from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cex.common.enums import ExchangeEnum
from cex.common.exceptions import ConfigurationException
from cex.config import BaseExchangeConfig
from cex.exchanges.base.factory import BaseExchangeFactory
from cex.factory import ComponentRegistry

MakeFactory = Callable[..., type[BaseExchangeFactory[Any]]]


@pytest.fixture
def registry() -> ComponentRegistry:
    """A registry that knows only what is registered."""
    return ComponentRegistry(find=dict)


def test_a_registered_exchange_is_known(registry: ComponentRegistry, make_factory: MakeFactory) -> None:
    factory = make_factory()
    registry.register_factory("venue", factory)
    assert registry.names() == ("venue",)
    assert registry.factory_type("venue") is factory
    assert repr(registry) == "<ComponentRegistry venue>"


def test_two_registries_know_nothing_of_each_other(registry: ComponentRegistry, make_factory: MakeFactory) -> None:
    registry.register_factory("venue", make_factory())
    assert ComponentRegistry(find=dict).names() == ()


def test_what_is_not_installed_names_the_command(registry: ComponentRegistry, make_factory: MakeFactory) -> None:
    registry.register_factory("venue", make_factory())
    with pytest.raises(
        ConfigurationException, match=r"mexc: no exchange .*installed: venue.*pip install cex-exchanges-mexc"
    ):
        registry.factory_type("mexc")
    with pytest.raises(ConfigurationException, match=r"did you mean 'venue'\?"):
        registry.factory_type("venu")


def test_well_known_names_can_be_given_as_enum(registry: ComponentRegistry, make_factory: MakeFactory) -> None:
    registry.register_factory(ExchangeEnum.MEXC, make_factory("mexc"))
    assert registry.factory_type("mexc") is registry.factory_type(ExchangeEnum.MEXC)


def test_only_a_factory_of_that_exchange_is_accepted(registry: ComponentRegistry, make_factory: MakeFactory) -> None:
    with pytest.raises(ConfigurationException, match="is the factory of 'venue', not of 'other'"):
        registry.register_factory("other", make_factory())
    with pytest.raises(ConfigurationException, match="is no subclass"):
        registry.register_factory("venue", object)  # type: ignore[arg-type]


def test_registering_twice_is_refused(registry: ComponentRegistry, make_factory: MakeFactory) -> None:
    registry.register_factory("venue", make_factory())
    with pytest.raises(ConfigurationException, match="a factory of 'venue' is registered already"):
        registry.register_factory("venue", make_factory())
    for register, what in (
        (registry.register_rest_client, "a REST client"),
        (registry.register_websocket_client, "a WebSocket client"),
        (registry.register_composite, "a composite"),
    ):
        register("venue", dict)
        with pytest.raises(ConfigurationException, match=f"{what} of 'venue' is registered already"):
            register("venue", dict)


def test_parts_are_kept_by_exchange_and_role(registry: ComponentRegistry) -> None:
    registry.register_rest_client("a", str)
    registry.register_websocket_client("a", int)
    registry.register_composite("a", float)
    registry.register_composite("a", bytes, is_private=True)
    assert registry.rest_client("a") is str
    assert registry.websocket_client("a") is int
    assert registry.composite("a", is_private=False) is float
    assert registry.composite("a", is_private=True) is bytes
    assert registry.rest_client("b") is None
    assert registry.websocket_client("b") is None
    assert registry.composite("b", is_private=False) is None


def test_the_types_of_settings_are_a_mapping(
    registry: ComponentRegistry, make_factory: MakeFactory, venue_type: type[BaseExchangeConfig]
) -> None:
    registry.register_factory("venue", make_factory())
    types = registry.config_types
    assert dict(types) == {"venue": venue_type}
    assert len(types) == 1
    assert "venue" in types
    assert "other" not in types
    assert types.get("other") is None


def test_what_is_installed_is_looked_for_once_and_loaded_when_used(install: Callable[..., Path]) -> None:
    searches = []

    def find() -> dict[str, Any]:
        searches.append(1)
        from cex.factory import discover

        return discover()

    install("plugin-broken", {"broken": "plugin_broken:Factory"}, {"plugin_broken": "raise RuntimeError('no')"})
    registry = ComponentRegistry(find)
    assert searches == []
    assert "broken" in registry.names()
    assert "broken" in registry.config_types
    for _ in range(2):
        with pytest.raises(ConfigurationException, match="plugin-broken"):
            registry.config_types["broken"]
    assert searches == [1]


def test_a_registered_exchange_comes_before_an_installed_one(
    install: Callable[..., Path], make_factory: MakeFactory
) -> None:
    install("plugin-broken", {"venue": "plugin_broken:Factory"}, {"plugin_broken": "raise RuntimeError('no')"})
    registry = ComponentRegistry()
    registry.register_factory("venue", make_factory())
    assert registry.factory_type("venue").exchange == "venue"
