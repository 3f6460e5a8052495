from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cex.common.exceptions import ConfigurationException
from cex.config import BaseExchangeConfig
from cex.exchanges.base.factory import BaseExchangeFactory
from cex.factory import discover
from cex.factory.discovery import check_factory

Install = Callable[..., Path]

GOOD = """
from cex.config import BaseExchangeConfig
from cex.exchanges.base.factory import BaseExchangeFactory

class Config(BaseExchangeConfig):
    exchange = "{name}"
    profiles = {{"live": {{"rest": "https://{name}.example"}}}}

class Factory(BaseExchangeFactory[Config]):
    exchange = "{name}"
    config_type = Config
    def build_rest_client(self, config): raise AssertionError
    def build_websocket_client(self, config): raise AssertionError
    def build_public_exchange(self, **parts): raise AssertionError
"""


def test_finding_an_exchange_does_not_import_it(install: Install) -> None:
    install("plugin-alpha", {"alpha": "plugin_alpha:Factory"}, {"plugin_alpha": GOOD.format(name="alpha")})
    found = discover()
    assert found["alpha"].distribution == "plugin-alpha 1.0"
    assert repr(found["alpha"]) == "<Discovered alpha of plugin-alpha 1.0>"
    assert "plugin_alpha" not in sys.modules
    factory = found["alpha"].load()
    assert factory.exchange == "alpha"
    assert issubclass(factory.config_type, BaseExchangeConfig)


def test_exchanges_come_in_alphabetical_order_and_several_from_one_distribution(install: Install) -> None:
    targets = {name: f"plugin_many:{name}" for name in ("zeta", "beta")}
    install("plugin-many", targets, {})
    install("plugin-alpha", {"alpha": "plugin_alpha:Factory"}, {})
    assert [name for name in discover() if name in ("alpha", "beta", "zeta")] == ["alpha", "beta", "zeta"]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "raise RuntimeError('no C library, api_key=canary-123')",
            "importing plugin_broken:Factory failed: RuntimeError: no C",
        ),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("this is no Python", "SyntaxError"),
        ("", "AttributeError"),
        ("Factory = 3", "is no subclass of cex.exchanges.base.factory.BaseExchangeFactory"),
        ("class Factory: pass", "is no subclass"),
        (
            "from cex.exchanges.base.factory import BaseExchangeFactory\nclass Factory(BaseExchangeFactory): pass",
            "does not define build_public_exchange, build_rest_client, build_websocket_client",
        ),
        (GOOD.format(name="other"), "is the factory of 'other', not of 'broken'"),
        (GOOD.format(name="broken").replace("config_type = Config", "config_type = int"), "has no config_type"),
    ],
)
def test_a_broken_exchange_names_its_distribution(install: Install, source: str, told: str) -> None:
    install("plugin-broken", {"broken": "plugin_broken:Factory"}, {"plugin_broken": source}, version="2.1")
    with pytest.raises(ConfigurationException) as caught:
        discover()["broken"].load()
    assert "the exchange 'broken' of plugin-broken 2.1 cannot be used: " in caught.value.message
    assert told in caught.value.message
    assert "canary" not in str(caught.value)
    assert caught.value.operation == "discovery"


def test_two_distributions_that_announce_one_name_are_both_named(install: Install) -> None:
    for number in (1, 2):
        module = f"plugin_twin{number}"
        install(f"plugin-twin{number}", {"twin": f"{module}:Factory"}, {module: GOOD.format(name="twin")})
    with pytest.raises(
        ConfigurationException, match=r"'twin' of plugin-twin1 1\.0 and plugin-twin2 1\.0.*uninstall one"
    ):
        discover()["twin"].load()


def test_an_older_copy_further_down_the_path_does_not_count(install: Install) -> None:
    install("plugin-alpha", {"alpha": "plugin_old:Factory"}, {}, version="0.9")
    install("plugin-alpha", {"alpha": "plugin_alpha:Factory"}, {"plugin_alpha": GOOD.format(name="alpha")})
    assert discover()["alpha"].distribution == "plugin-alpha 1.0"
    assert discover()["alpha"].load().exchange == "alpha"


def test_check_factory_accepts_a_complete_one(
    make_factory: Callable[[], type[BaseExchangeFactory[BaseExchangeConfig]]],
) -> None:
    assert check_factory("venue", make_factory()) == ""
