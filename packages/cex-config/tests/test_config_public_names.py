from __future__ import annotations

import importlib
import pkgutil

import pytest

import cex.config

MODULES = [module.name for module in pkgutil.walk_packages(cex.config.__path__, "cex.config.") if not module.ispkg]


def test_the_public_names_resolve() -> None:
    assert sorted(cex.config.__all__, key=str.lower) == sorted(set(cex.config.__all__), key=str.lower)
    for name in cex.config.__all__:
        assert getattr(cex.config, name).__name__ == name if name != "CUSTOM_PROFILE" else cex.config.CUSTOM_PROFILE
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        cex.config.Nothing  # noqa: B018


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_offers(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert all(hasattr(module, offered) for offered in module.__all__)
