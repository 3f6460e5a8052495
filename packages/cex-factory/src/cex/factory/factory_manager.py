"""Builds exchanges by name from the settings, owns what it built, and closes it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.config.config_manager import ConfigManager
from cex.factory.component_registry import ComponentRegistry

if TYPE_CHECKING:
    from cex.config.exchanges.base_exchange_config import BaseExchangeConfig
    from cex.exchanges.base.factory import BaseExchangeFactory
    from cex.exchanges.base.interfaces import (
        BasePrivateRestClient,
        BasePrivateWebSocketClient,
        BaseRestClient,
        BaseWebSocketClient,
        PrivateExchange,
        PublicExchange,
    )
    from cex.networking.recording import Tap

__all__ = ["FactoryManager"]

CLOSE_WITHIN_S = 5.0
_LEAST_S = 0.05
logger = logging.getLogger(__name__)


class _Closable(Protocol):
    async def aclose(self) -> None: ...


Built = TypeVar("Built", bound=_Closable)


class FactoryManager:
    """``async with FactoryManager("cex.toml") as exchanges: mexc = exchanges.create_public_exchange("mexc")``.

    ``config`` is the path of a settings file, a :class:`ConfigManager`, or settings by exchange name; None takes the
    environment's settings and the defaults. Everything that was built is closed in reverse order at the end of the
    block, also when a later creation fails, within ``close_within`` seconds altogether. Building does no I/O:
    ``async with`` the exchange, or :meth:`open_public_exchange`, opens it.
    """

    def __init__(
        self,
        config: ConfigManager | Mapping[str, BaseExchangeConfig] | str | os.PathLike[str] | None = None,
        registry: ComponentRegistry | None = None,
        *,
        close_within: float = CLOSE_WITHIN_S,
    ) -> None:
        self.registry = ComponentRegistry() if registry is None else registry
        if config is None or isinstance(config, (str, os.PathLike)):
            config = ConfigManager(config, exchange_types=self.registry.config_types)
            self._owned: list[_Closable] = [config]
        else:
            self._owned = []
        self._config = config
        self._close_within = close_within
        self._factories: dict[str, BaseExchangeFactory[Any]] = {}

    def __repr__(self) -> str:
        return f"<FactoryManager {self._config!r}>"

    def names(self) -> tuple[str, ...]:
        """Every exchange that can be asked for; imports none of them."""
        return self.registry.names()

    def config(self, name: str) -> BaseExchangeConfig:
        """The settings of an exchange, its defaults where nothing mentions it."""
        if isinstance(self._config, ConfigManager):
            return self._config.get_exchange_config(name)
        given = self._config.get(name)
        return self.registry.factory_type(name).config_type() if given is None else given

    def factory(self, name: str, tap: Tap | None = None) -> BaseExchangeFactory[Any]:
        """The exchange's factory with the registry's overrides; ``tap`` hears the traffic of what this one builds."""
        if tap is not None:
            return self.registry.factory_type(name)(self.registry, tap=tap)
        factory = self._factories.get(name)
        if factory is None:
            factory = self._factories[name] = self.registry.factory_type(name)(self.registry)
        return factory

    def create_rest_client(
        self,
        name: str,
        config: BaseExchangeConfig | None = None,
        is_private: bool = False,
        account: str = DEFAULT_ACCOUNT,
    ) -> BaseRestClient | BasePrivateRestClient:
        """A REST client by itself, ``is_private`` one of ``account``; ``config`` None takes the exchange's own."""
        return self._own(self.factory(name).create_rest_client(config or self.config(name), is_private, account))

    def create_websocket_client(
        self,
        name: str,
        config: BaseExchangeConfig | None = None,
        is_private: bool = False,
        account: str = DEFAULT_ACCOUNT,
    ) -> BaseWebSocketClient | BasePrivateWebSocketClient:
        """A WebSocket client by itself, ``is_private`` one of ``account``; ``config`` None takes the exchange's own."""
        return self._own(self.factory(name).create_websocket_client(config or self.config(name), is_private, account))

    def create_public_exchange(
        self, name: str, config: BaseExchangeConfig | None = None, *, tap: Tap | None = None
    ) -> PublicExchange:
        """The public side of an exchange, not yet open; ``tap`` hears all its traffic, for a recording.

        Raises:
            ConfigurationException: the exchange is not installed or broken, or its settings have faults.
        """
        return self._own(self.factory(name, tap).create_public_exchange(config or self.config(name)))

    def create_private_exchange(
        self, name: str, config: BaseExchangeConfig | None = None, account: str = DEFAULT_ACCOUNT
    ) -> PrivateExchange:
        """One account of an exchange, by its label, not yet open; ConfigurationException also where there is none."""
        return self._own(self.factory(name).create_private_exchange(config or self.config(name), account))

    async def open_public_exchange(
        self, name: str, config: BaseExchangeConfig | None = None, *, tap: Tap | None = None
    ) -> PublicExchange:
        """Create and open; what fails to open is closed."""
        exchange = self.create_public_exchange(name, config, tap=tap)
        try:
            await exchange.open()
        except BaseException:
            self._owned.remove(exchange)
            await exchange.aclose()
            raise
        return exchange

    async def aclose(self) -> None:
        """Close everything that was built, the newest first; what fails or takes too long is logged."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._close_within
        cancelled: asyncio.CancelledError | None = None
        while self._owned:
            owned = self._owned.pop()
            try:
                async with asyncio.timeout(max(deadline - loop.time(), _LEAST_S)):
                    await owned.aclose()
            except asyncio.CancelledError as error:
                cancelled = error
            except Exception:
                logger.exception("closing %r failed", owned, extra={"closed": type(owned).__name__})
        if cancelled is not None:
            raise cancelled

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _own(self, built: Built) -> Built:
        self._owned.append(built)
        return built
