"""How an exchange is assembled from its settings; and the one place where settings become networking's plain options.

An exchange announces a :class:`BaseExchangeFactory` in the entry-point group ``cex.exchanges``. The rooms of an
exchange take :func:`rest_options` and its siblings from here for their ``from_config``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NotRequired, Protocol, TypedDict, TypeVar

from cex.common.exceptions import ConfigurationException

if TYPE_CHECKING:
    from cex.config.exchanges.base_exchange_config import BaseExchangeConfig
    from cex.exchanges.base.interfaces import BaseComposite, BaseRestClient, BaseWebSocketClient, PublicExchange
    from cex.networking import (
        AiohttpTransport,
        AiohttpWebSocketTransport,
        ConnectBudget,
        ReconnectPolicy,
        RetryPolicy,
        Tap,
        Timeouts,
    )

__all__ = [
    "BaseExchangeFactory",
    "ClientBuilder",
    "ComponentOverrides",
    "CompositeBuilder",
    "RestOptions",
    "WebSocketOptions",
    "http_transport",
    "rest_options",
    "websocket_options",
    "websocket_transport",
]

ConfigT = TypeVar("ConfigT", bound="BaseExchangeConfig")

ClientBuilder = Callable[..., Any]
"""A client's class or function, called as ``builder(config, is_private=...)``."""
CompositeBuilder = Callable[..., Any]
"""A composite's class or function; it gets ``config``, ``rest_client``, ``websocket_client``, ``owns_clients=True``."""


class ComponentOverrides(Protocol):
    """Where a factory asks before it uses its own class; ``cex.factory.ComponentRegistry`` is one."""

    def rest_client(self, exchange: str) -> ClientBuilder | None: ...

    def websocket_client(self, exchange: str) -> ClientBuilder | None: ...

    def composite(self, exchange: str, *, is_private: bool) -> CompositeBuilder | None: ...


class BaseExchangeFactory(ABC, Generic[ConfigT]):
    """Builds the parts of one exchange and puts them together; opens nothing.

    A subclass sets ``exchange`` and ``config_type`` and says in the ``build_*`` methods which classes are its own,
    importing them there, so that finding an exchange does not load it. Building does no I/O: a part that was built but
    never opened needs no closing. What ``create_public_exchange`` returns owns its two clients and closes them.

    ``overrides`` is asked first for each part. ``tap`` hears all traffic of the clients that are the exchange's own. An
    exchange that leaves ``build_private_exchange`` as it is has no private side: its own parts are never private.
    """

    exchange: ClassVar[str]
    """The name it is configured and registered under."""
    config_type: ClassVar[type[BaseExchangeConfig]]
    """The type of its settings."""

    def __init__(self, overrides: ComponentOverrides | None = None, *, tap: Tap | None = None) -> None:
        self._overrides = overrides
        self.tap = tap

    def create_rest_client(self, config: ConfigT, is_private: bool = False) -> BaseRestClient:
        """The REST client for these settings; ``is_private``: one that signs with ``config.account()``."""
        self._check(config)
        builder = self._overrides.rest_client(self.exchange) if self._overrides else None
        if builder is None:
            self._check_role(is_private)
            return self.build_rest_client(config, is_private=is_private)
        client: BaseRestClient = builder(config, is_private=is_private)
        return client

    def create_websocket_client(self, config: ConfigT, is_private: bool = False) -> BaseWebSocketClient:
        """The WebSocket client for these settings; ``is_private``: the account's streams instead of the market's."""
        self._check(config)
        builder = self._overrides.websocket_client(self.exchange) if self._overrides else None
        if builder is None:
            self._check_role(is_private)
            return self.build_websocket_client(config, is_private=is_private)
        client: BaseWebSocketClient = builder(config, is_private=is_private)
        return client

    def create_public_exchange(self, config: ConfigT) -> PublicExchange:
        """Everything that needs no account, put together; ``async with`` opens and closes it."""
        self._check(config)
        rest, websocket = self.create_rest_client(config), self.create_websocket_client(config)
        builder = self._overrides.composite(self.exchange, is_private=False) if self._overrides else None
        if builder is None:
            return self.build_public_exchange(config=config, rest_client=rest, websocket_client=websocket)
        exchange: PublicExchange = builder(
            config=config, rest_client=rest, websocket_client=websocket, owns_clients=True
        )
        return exchange

    def create_private_exchange(self, config: ConfigT) -> BaseComposite:
        """Everything of the account ``config.account()``, put together.

        Raises:
            ConfigurationException: no such account is configured, or this exchange offers no private side.
        """
        self._check(config)
        builder = self._overrides.composite(self.exchange, is_private=True) if self._overrides else None
        if builder is None:
            self._check_role(is_private=True)
        rest, websocket = self.create_rest_client(config, True), self.create_websocket_client(config, True)
        if builder is None:
            return self.build_private_exchange(config=config, rest_client=rest, websocket_client=websocket)
        exchange: BaseComposite = builder(
            config=config, rest_client=rest, websocket_client=websocket, owns_clients=True
        )
        return exchange

    @abstractmethod
    def build_rest_client(self, config: ConfigT, *, is_private: bool) -> BaseRestClient:
        """This exchange's own REST client."""

    @abstractmethod
    def build_websocket_client(self, config: ConfigT, *, is_private: bool) -> BaseWebSocketClient:
        """This exchange's own WebSocket client."""

    @abstractmethod
    def build_public_exchange(
        self, *, config: ConfigT, rest_client: BaseRestClient, websocket_client: BaseWebSocketClient
    ) -> PublicExchange:
        """This exchange's own public composite, which owns both clients from now on (``owns_clients=True``)."""

    def build_private_exchange(
        self, *, config: ConfigT, rest_client: BaseRestClient, websocket_client: BaseWebSocketClient
    ) -> BaseComposite:
        """This exchange's own private composite; an exchange without a private side leaves this as it is."""
        raise self._public_only()

    def _check(self, config: ConfigT) -> None:
        if not isinstance(config, self.config_type):
            raise ConfigurationException(
                f"{self.exchange} takes settings of type {self.config_type.__name__}, not {type(config).__name__}",
                operation="create_exchange",
            )

    def _check_role(self, is_private: bool) -> None:
        if is_private and type(self).build_private_exchange is BaseExchangeFactory.build_private_exchange:
            raise self._public_only()

    def _public_only(self) -> ConfigurationException:
        return ConfigurationException(
            f"{self.exchange}: orders and balances are not offered yet; use the public side",
            operation="create_exchange",
        )


class RestOptions(TypedDict):
    """Keyword arguments of ``cex.networking.RestClient``."""

    timeouts: Timeouts
    retry: RetryPolicy


class WebSocketOptions(TypedDict):
    """Keyword arguments of ``cex.networking.WebSocketClient``."""

    reconnect: ReconnectPolicy
    connect_timeout: float
    subscribe_timeout: float
    budget: NotRequired[ConnectBudget]


def rest_options(config: BaseExchangeConfig) -> RestOptions:
    """How requests behave: ``RestClient(url, transport=http_transport(config), **rest_options(config), ...)``."""
    from cex.networking import RetryPolicy, Timeouts

    network = config.network
    return RestOptions(
        timeouts=Timeouts(connect=network.connect_timeout, read=network.read_timeout, total=network.total_timeout),
        retry=RetryPolicy(attempts=network.retry_attempts, first=network.retry_first, most=network.retry_most),
    )


def http_transport(config: BaseExchangeConfig) -> AiohttpTransport:
    """A pool of HTTP connections; whoever asked for it closes it."""
    from cex.networking import AiohttpTransport

    proxy = config.network.proxy
    return AiohttpTransport(
        proxy=proxy.get_secret_value() if proxy else None, connections_per_host=config.network.connections_per_host
    )


def websocket_options(config: BaseExchangeConfig) -> WebSocketOptions:
    """How streams behave: ``WebSocketClient(dialect, transport=..., **websocket_options(config), ...)``."""
    from cex.networking import ConnectBudget, ReconnectPolicy

    network = config.network
    options = WebSocketOptions(
        reconnect=ReconnectPolicy(first=network.reconnect_first, most=network.reconnect_most),
        connect_timeout=network.connect_timeout,
        subscribe_timeout=network.subscribe_timeout,
    )
    if "connects_per_minute" in network.model_fields_set:
        # Without a figure of its own, an exchange shares the process's budget for the host.
        options["budget"] = ConnectBudget(network.connects_per_minute)
    return options


def websocket_transport(config: BaseExchangeConfig) -> AiohttpWebSocketTransport:
    """What opens WebSocket connections, through the proxy of these settings."""
    from cex.networking import AiohttpWebSocketTransport

    proxy = config.network.proxy
    return AiohttpWebSocketTransport(proxy=proxy.get_secret_value() if proxy else None)
