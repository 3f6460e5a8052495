from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from pydantic import Field

from cex.common.clock import ManualClock
from cex.config import BaseExchangeConfig, ConfigManager

settings.register_profile("cex-config", deadline=None)
settings.load_profile("cex-config")


class VenueConfig(BaseExchangeConfig):
    """An exchange with everything that settings of one can have."""

    exchange: ClassVar[str] = "venue"
    profiles: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "live": {"rest": "https://api.venue.example", "stream": "wss://ws.venue.example/v1/"},
        "testnet": {"rest": "https://test.venue.example"},
    }

    depth: int = Field(default=50, ge=1, le=400, description="levels a side")


@pytest.fixture
def venue_type() -> type[BaseExchangeConfig]:
    return VenueConfig


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


Manager = Callable[..., ConfigManager]


@pytest.fixture
def manager(tmp_path: Path, clock: ManualClock) -> Manager:
    """Build a manager over a file with the given text, an empty environment, and the exchange ``venue``."""

    def build(text: str | None = None, *, name: str = "cex.toml", **options: Any) -> ConfigManager:
        path = None
        if text is not None:
            path = tmp_path / name
            path.write_text(text, encoding="utf-8")
        options.setdefault("variables", {})
        options.setdefault("exchange_types", {"venue": VenueConfig})
        if path is None:
            options.setdefault("dotenv", _empty_file(tmp_path))
        return ConfigManager(path, clock=clock, **options)

    return build


def _empty_file(directory: Path) -> Path:
    path = directory / "empty.env"
    path.touch()
    return path
