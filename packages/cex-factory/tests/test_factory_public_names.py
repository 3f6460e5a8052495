from __future__ import annotations

import importlib

import pytest

import cex.factory
from cex.exchanges.base.factory import BaseExchangeFactory


def test_the_public_names_resolve() -> None:
    for name in cex.factory.__all__:
        assert getattr(cex.factory, name).__name__ == name
    assert cex.factory.BaseExchangeFactory is BaseExchangeFactory
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        cex.factory.Nothing  # noqa: B018


@pytest.mark.parametrize("name", ["component_registry", "discovery", "factory_manager"])
def test_every_module_says_what_it_offers(name: str) -> None:
    module = importlib.import_module(f"cex.factory.{name}")
    assert module.__doc__
    assert all(hasattr(module, offered) for offered in module.__all__)
