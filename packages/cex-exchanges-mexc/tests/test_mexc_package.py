"""The package as it is imported: every public name is there, and nothing is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cex.exchanges.mexc


@pytest.mark.parametrize("name", cex.exchanges.mexc.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(cex.exchanges.mexc, name).__name__ == name


def test_no_other_name_resolves() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        cex.exchanges.mexc.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import cex.exchanges.mexc", "aiohttp pydantic google.protobuf msgspec asyncio"),
        ("import cex.exchanges.mexc.wire.push, cex.exchanges.mexc.decode", "aiohttp pydantic asyncio"),
        ("import cex.exchanges.mexc.symbols, cex.exchanges.mexc.errors", "aiohttp pydantic google.protobuf asyncio"),
        ("import cex.exchanges.mexc.config", "aiohttp google.protobuf"),
        ("from cex.exchanges.mexc import MexcExchangeFactory", "aiohttp google.protobuf"),
        ("from cex.exchanges.mexc import MexcRestClient", "pydantic google.protobuf"),
        ("from cex.exchanges.mexc import MexcWebSocketClient", "pydantic google.protobuf"),
        ("import cex.exchanges.mexc.signing", "aiohttp pydantic google.protobuf"),
        (
            "from cex.exchanges.mexc.decode import account, streams, trading, wallet",
            "aiohttp pydantic asyncio google.protobuf",
        ),
        ("from cex.exchanges.mexc import MexcPrivateRestClient", "pydantic google.protobuf"),
        ("from cex.exchanges.mexc import MexcPrivateWebSocketClient", "pydantic google.protobuf"),
        ("from cex.exchanges.mexc import MexcPrivateExchange", "google.protobuf"),
    ],
)
def test_importing_loads_only_what_is_needed(statement: str, absent: str) -> None:
    check = f"import sys; {statement}; print(*(name for name in {absent.split()!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
