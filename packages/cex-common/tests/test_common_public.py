from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import cex.common

MODULES = [module.name for module in pkgutil.walk_packages(cex.common.__path__, "cex.common.")]


@pytest.mark.parametrize("name", ["cex.common", *MODULES])
def test_every_announced_name_exists(name: str) -> None:
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])
    assert names == sorted(names, key=lambda n: (not n.isupper(), not n[0].isupper(), n)) or names == sorted(names)
    for public in names:
        assert getattr(module, public) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        cex.common.Nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_the_package_itself_imports_nothing_but_the_lazy_door() -> None:
    code = (
        "import sys, cex.common; print([m for m in sys.modules if m.startswith(('cex.common.', 'msgspec', 'asyncio'))])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "['cex.common.lazy']"


def test_constants_are_where_the_design_says() -> None:
    from cex.common.constants import exchange_constants, network_constants, system_constants, trading_constants

    assert network_constants.RECONNECT_FIRST_S < network_constants.RECONNECT_MAX_S
    assert system_constants.ENTRY_POINT_GROUP == "cex.exchanges"
    assert trading_constants.EXACT_DECIMAL_DIGITS == 15
    assert "mexc" in exchange_constants.KNOWN_EXCHANGES
