from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cex.config import BaseExchangeConfig
from cex.exchanges.base.factory import BaseExchangeFactory

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution on the path as an installer would: its modules, and metadata that announces exchanges."""
    known = set(sys.modules)

    def put(
        distribution: str, exchanges: Mapping[str, str], modules: Mapping[str, str], *, version: str = "1.0"
    ) -> Path:
        site = tmp_path / f"{distribution}-{version}"
        metadata = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = [f"{name} = {target}" for name, target in exchanges.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[cex.exchanges]", *lines, ""]))
        for module, source in modules.items():
            (site / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(str(site))
        return site

    yield put
    for name in set(sys.modules) - known:
        if name.startswith("plugin_"):
            del sys.modules[name]


class VenueConfig(BaseExchangeConfig):
    exchange: ClassVar[str] = "venue"
    profiles: ClassVar[Mapping[str, Mapping[str, str]]] = {"live": {"rest": "https://venue.example"}}


@pytest.fixture
def venue_type() -> type[BaseExchangeConfig]:
    return VenueConfig


class Part:
    """A client or an exchange that only remembers how it was made and writes down what happens to it."""

    def __init__(self, name: str, log: list[str], **made_with: Any) -> None:
        self.name = name
        self.log = log
        self.made_with = made_with

    async def open(self) -> None:
        self.log.append(f"open {self.name}")

    async def aclose(self) -> None:
        self.log.append(f"close {self.name}")


@pytest.fixture
def log() -> list[str]:
    return []


MakeFactory = Callable[..., type[BaseExchangeFactory[Any]]]


@pytest.fixture
def make_factory(log: list[str]) -> MakeFactory:
    """Make the factory class of an exchange whose parts are :class:`Part`."""

    def make(name: str = "venue", *, private: bool = False) -> type[BaseExchangeFactory[Any]]:
        class VenueFactory(BaseExchangeFactory[VenueConfig]):
            exchange = name
            config_type = VenueConfig

            def build_rest_client(self, config: VenueConfig) -> Any:
                return Part(f"{name} rest", log, config=config, is_private=False, tap=self.tap)

            def build_websocket_client(self, config: VenueConfig) -> Any:
                return Part(f"{name} websocket", log, config=config, is_private=False, tap=self.tap)

            def build_public_exchange(self, **parts: Any) -> Any:
                return Part(f"{name} public", log, **parts)

        if private:

            class PrivateVenueFactory(VenueFactory):
                def build_private_rest_client(self, config: VenueConfig, **facts: Any) -> Any:
                    return Part(f"{name} rest", log, config=config, is_private=True, tap=self.tap, **facts)

                def build_private_websocket_client(self, config: VenueConfig, **facts: Any) -> Any:
                    return Part(f"{name} websocket", log, config=config, is_private=True, tap=self.tap, **facts)

                def build_private_exchange(self, **parts: Any) -> Any:
                    return Part(f"{name} private", log, **parts)

            return PrivateVenueFactory
        return VenueFactory

    return make


@pytest.fixture
def part_type() -> type[Part]:
    return Part
