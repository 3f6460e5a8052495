from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cex.common.exceptions import ConfigurationException
from cex.config import BaseExchangeConfig, ConfigManager, InvalidSettings
from cex.exchanges.base.factory import BaseExchangeFactory
from cex.factory import ComponentRegistry, FactoryManager

MakeFactory = Callable[..., type[BaseExchangeFactory[Any]]]


@pytest.fixture
def registry(make_factory: MakeFactory) -> ComponentRegistry:
    registry = ComponentRegistry(find=dict)
    registry.register_factory("venue", make_factory("venue"))
    registry.register_factory("other", make_factory("other", private=True))
    return registry


@pytest.fixture
def manager(registry: ComponentRegistry) -> FactoryManager:
    return FactoryManager({}, registry)


def made(part: Any) -> dict[str, Any]:
    facts: dict[str, Any] = part.made_with
    return facts


async def test_an_exchange_is_put_together_from_its_own_parts(
    manager: FactoryManager, venue_type: type[BaseExchangeConfig]
) -> None:
    exchange = manager.create_public_exchange("venue")
    parts = made(exchange)
    assert parts["config"] == venue_type()
    assert parts["rest_client"].name == "venue rest"
    assert parts["websocket_client"].name == "venue websocket"
    assert made(parts["rest_client"])["is_private"] is False
    assert manager.names() == ("other", "venue")


async def test_settings_are_given_taken_from_a_mapping_or_defaults(
    registry: ComponentRegistry, venue_type: type[BaseExchangeConfig]
) -> None:
    configured, given = venue_type(enabled=False), venue_type(profile="custom")
    manager = FactoryManager({"venue": configured}, registry)
    assert made(manager.create_public_exchange("venue"))["config"] is configured
    assert made(manager.create_public_exchange("venue", given))["config"] is given
    assert made(manager.create_public_exchange("other"))["config"] == venue_type()


async def test_settings_come_from_a_file(registry: ComponentRegistry, tmp_path: Path) -> None:
    path = tmp_path / "cex.toml"
    path.write_text("[exchanges.venue]\nendpoints.rest = 'http://127.0.0.1:1'")
    for config in (path, str(path), ConfigManager(path, exchange_types=registry.config_types)):
        async with FactoryManager(config, registry) as manager:
            assert made(manager.create_public_exchange("venue"))["config"].endpoint("rest") == "http://127.0.0.1:1"
            assert "cex.toml" in repr(manager)


async def test_a_fault_in_the_file_is_told_at_the_first_creation(registry: ComponentRegistry, tmp_path: Path) -> None:
    (tmp_path / "cex.toml").write_text("[exchanges.venue]\nprofle = 'live'")
    async with FactoryManager(tmp_path / "cex.toml", registry) as manager:
        with pytest.raises(InvalidSettings, match="did you mean 'profile'"):
            manager.create_public_exchange("venue")


async def test_without_settings_the_environment_and_the_defaults_hold(
    registry: ComponentRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CEX__EXCHANGES__VENUE__ENDPOINTS__REST", "http://127.0.0.1:2")
    async with FactoryManager(registry=registry) as manager:
        assert manager.config("venue").endpoint("rest") == "http://127.0.0.1:2"
        assert manager.config("other").endpoint("rest") == "https://venue.example"


async def test_settings_of_another_exchange_are_refused(manager: FactoryManager) -> None:
    class ForeignConfig(BaseExchangeConfig):
        exchange = "foreign"

    with pytest.raises(ConfigurationException, match="venue takes settings of type VenueConfig, not ForeignConfig"):
        manager.create_public_exchange("venue", ForeignConfig())


async def test_single_parts(manager: FactoryManager, log: list[str]) -> None:
    rest = manager.create_rest_client("other", is_private=True)
    websocket = manager.create_websocket_client("other")
    assert made(rest)["is_private"] is True
    assert made(websocket)["is_private"] is False
    await manager.aclose()
    assert log == ["close other websocket", "close other rest"]


async def test_the_private_side(manager: FactoryManager) -> None:
    parts = made(manager.create_private_exchange("other"))
    assert made(parts["rest_client"])["is_private"] is True
    assert made(parts["websocket_client"])["is_private"] is True


async def test_an_exchange_without_a_private_side_says_so(manager: FactoryManager) -> None:
    for create in (
        lambda: manager.create_private_exchange("venue"),
        lambda: manager.create_rest_client("venue", is_private=True),
        lambda: manager.create_websocket_client("venue", is_private=True),
    ):
        with pytest.raises(ConfigurationException, match="venue: orders and balances are not offered yet"):
            create()


async def test_a_registered_part_replaces_the_exchanges_own(
    manager: FactoryManager, log: list[str], part_type: Callable[..., Any]
) -> None:
    def rest(config: object, *, is_private: bool, account: str = "") -> Any:
        return part_type("my rest", log, is_private=is_private)

    manager.registry.register_rest_client("venue", rest)
    parts = made(manager.create_public_exchange("venue"))
    assert parts["rest_client"].name == "my rest"
    assert parts["websocket_client"].name == "venue websocket"
    assert made(manager.create_rest_client("venue", is_private=True)) == {"is_private": True}
    assert made(manager.create_public_exchange("other"))["rest_client"].name == "other rest"


async def test_a_registered_composite_gets_the_clients_and_owns_them(
    manager: FactoryManager, log: list[str], part_type: Callable[..., Any]
) -> None:
    manager.registry.register_websocket_client("venue", lambda config, is_private: part_type("my websocket", log))
    manager.registry.register_composite("venue", lambda **parts: part_type("my exchange", log, **parts))
    parts = made(manager.create_public_exchange("venue"))
    assert parts["owns_clients"] is True
    assert parts["websocket_client"].name == "my websocket"
    assert parts["rest_client"].name == "venue rest"
    manager.registry.register_composite("other", lambda **parts: part_type("mine", log, **parts), is_private=True)
    assert made(manager.create_private_exchange("other"))["owns_clients"] is True


async def test_a_tap_reaches_the_clients_of_the_exchange_it_was_given_to(manager: FactoryManager) -> None:
    tap: Any = object()
    tapped = made(manager.create_public_exchange("venue", tap=tap))
    assert made(tapped["rest_client"])["tap"] is tap
    assert made(tapped["websocket_client"])["tap"] is tap
    assert made(made(manager.create_public_exchange("venue"))["rest_client"])["tap"] is None


async def test_everything_made_is_closed_newest_first(manager: FactoryManager, log: list[str]) -> None:
    async with manager:
        manager.create_public_exchange("venue")
        manager.create_public_exchange("other")
    assert log == ["close other public", "close venue public"]
    await manager.aclose()
    assert len(log) == 2


async def test_what_was_made_is_closed_when_a_later_creation_fails(manager: FactoryManager, log: list[str]) -> None:
    async def create_two() -> None:
        async with manager:
            manager.create_public_exchange("venue")
            manager.create_public_exchange("mexc")

    with pytest.raises(ConfigurationException, match="pip install cex-exchanges-mexc"):
        await create_two()
    assert log == ["close venue public"]


async def test_opening(manager: FactoryManager, log: list[str]) -> None:
    async with manager:
        await manager.open_public_exchange("venue")
    assert log == ["open venue public", "close venue public"]


async def test_what_fails_to_open_is_closed_at_once_and_the_others_later(
    manager: FactoryManager, log: list[str], part_type: Any
) -> None:
    class Closed(part_type):  # type: ignore[misc]
        async def open(self) -> None:
            raise ConnectionError("no way")

    manager.registry.register_composite("other", lambda **parts: Closed("bad", log))
    async with manager:
        await manager.open_public_exchange("venue")
        with pytest.raises(ConnectionError):
            await manager.open_public_exchange("other")
        assert log == ["open venue public", "close bad"]
    assert log == ["open venue public", "close bad", "close venue public"]


async def test_one_that_fails_to_close_is_logged_and_harms_no_other(
    manager: FactoryManager, log: list[str], part_type: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck(part_type):  # type: ignore[misc]
        async def aclose(self) -> None:
            raise RuntimeError("stuck")

    manager.registry.register_composite("other", lambda **parts: Stuck("bad", log))
    async with manager:
        manager.create_public_exchange("venue")
        manager.create_public_exchange("other")
    assert log == ["close venue public"]
    assert "RuntimeError: stuck" in caplog.text


async def test_closing_is_bounded(
    registry: ComponentRegistry, log: list[str], part_type: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Endless(part_type):  # type: ignore[misc]
        async def aclose(self) -> None:
            await asyncio.sleep(3600)

    registry.register_composite("other", lambda **parts: Endless("bad", log))
    manager = FactoryManager({}, registry, close_within=0.05)
    manager.create_public_exchange("venue")
    manager.create_public_exchange("other")
    manager.create_public_exchange("other")
    started = asyncio.get_running_loop().time()
    await manager.aclose()
    assert asyncio.get_running_loop().time() - started < 1
    assert log == ["close venue public"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.ERROR]


async def test_a_cancelled_close_still_closes_the_others(
    registry: ComponentRegistry, log: list[str], part_type: Any
) -> None:
    class Slow(part_type):  # type: ignore[misc]
        async def aclose(self) -> None:
            await asyncio.sleep(3600)

    registry.register_composite("other", lambda **parts: Slow("slow", log))
    manager = FactoryManager({}, registry)
    manager.create_public_exchange("venue")
    manager.create_public_exchange("other")
    closing = asyncio.ensure_future(manager.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert log == ["close venue public"]


async def test_a_settings_manager_that_was_passed_in_stays_open(registry: ComponentRegistry, tmp_path: Path) -> None:
    class Watched(ConfigManager):
        closed = False

        async def aclose(self) -> None:
            self.closed = True

    settings = Watched(variables={}, exchange_types=registry.config_types, dotenv=_empty(tmp_path))
    async with FactoryManager(settings, registry) as manager:
        manager.create_public_exchange("venue")
    assert settings.closed is False


def _empty(directory: Path) -> Path:
    path = directory / "empty.env"
    path.touch()
    return path


def test_a_manager_costs_no_exchange_and_no_pydantic() -> None:
    code = (
        "import sys, cex.factory; from cex.factory import FactoryManager; FactoryManager('none.toml').names();"
        "print([m for m in ('pydantic', 'aiohttp', 'yaml', 'cex.exchanges.mexc') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("[]\n", "")
