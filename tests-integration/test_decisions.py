"""The table of kept words is true: every target can be imported, and no word of the proposal is missing."""

from __future__ import annotations

import re
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "decisions" / "0001-words-kept.md"

ASKED_CLASSES = {
    "BaseComposite",
    "BaseExchangeFactory",
    "BaseExchangeHandler._handle_api_error",
    "BaseRestClient",
    "BaseWebSocketClient",
    "CachedConfigManager",
    "CexArbitrageException",
    "ComponentRegistry",
    "ConfigurationException",
    "ExchangeConfig",
    "ExchangeConnectionException",
    "ExchangeDataException",
    "ExchangeEnum",
    "ExchangeException",
    "MarketType",
    "MexcExchangeFactory",
    "MexcPublicExchange",
    "OrderType",
}
ASKED_FOLDERS = {"common/", "config/", "exchanges/factory/", "exchanges/interfaces/", "networking/", "trading/"}


def rows() -> list[tuple[str, list[str], str]]:
    """Each row as the asked word, our targets, and why."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith(("| asked", "| ---")):
            asked, ours, why = (cell.strip() for cell in line.strip("|").split("|"))
            found.append((asked.strip("`"), re.findall(r"`([^`]+)`", ours), why))
    return found


def resolve(target: str) -> object:
    module, _, attribute = target.partition(":")
    found: object = import_module(module)
    return reduce(getattr, attribute.split("."), found) if attribute else found


TARGETS = sorted({target for _, targets, _ in rows() for target in targets})


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_exists(target: str) -> None:
    assert resolve(target) is not None


def test_every_row_says_where_and_why() -> None:
    assert [asked for asked, targets, why in rows() if not why or not (targets or asked == "object pooling")] == []


def test_every_asked_word_has_a_row() -> None:
    asked = {word for word, _, _ in rows()}
    assert asked >= ASKED_CLASSES | ASKED_FOLDERS


def test_a_target_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(ModuleNotFoundError):
        resolve("cex.common.nowhere")
    with pytest.raises(AttributeError):
        resolve("cex.common.enums:NoSuchEnum")
