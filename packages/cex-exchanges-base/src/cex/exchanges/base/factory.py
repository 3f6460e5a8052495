"""How an exchange is assembled from its settings; and the one place where settings become networking's plain options.

An exchange announces a :class:`BaseExchangeFactory` in the entry-point group ``cex.exchanges``. The rooms of an
exchange take :func:`rest_options` and its siblings from here for their ``from_config``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NotRequired, Protocol, TypedDict, TypeVar, overload
from urllib.parse import urlsplit

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.common.exceptions import ConfigurationException

if TYPE_CHECKING:
    from cex.config.exchanges.base_exchange_config import BaseExchangeConfig
    from cex.exchanges.base.interfaces import (
        BasePrivateRestClient,
        BasePrivateWebSocketClient,
        BaseRestClient,
        BaseWebSocketClient,
        PrivateExchange,
        PublicExchange,
    )
    from cex.networking import (
        AiohttpTransport,
        AiohttpWebSocketTransport,
        ConnectBudget,
        RateLimiter,
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
    "account_scope",
    "http_transport",
    "rate_limiter",
    "rest_options",
    "websocket_options",
    "websocket_transport",
]

ConfigT = TypeVar("ConfigT", bound="BaseExchangeConfig")

ClientBuilder = Callable[..., Any]
"""A client's class or function, called as ``builder(config, is_private=False)`` or, for an account, as
``builder(config, is_private=True, account=...)``."""
CompositeBuilder = Callable[..., Any]
"""A composite's class or function; it gets ``config``, ``rest_client``, ``websocket_client``, ``owns_clients=True``,
and a private one ``account``, the label in the settings."""


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
    exchange that leaves the ``build_private_*`` methods as they are has no private side.
    """

    exchange: ClassVar[str]
    """The name it is configured and registered under."""
    config_type: ClassVar[type[BaseExchangeConfig]]
    """The type of its settings."""

    def __init__(self, overrides: ComponentOverrides | None = None, *, tap: Tap | None = None) -> None:
        self._overrides = overrides
        self.tap = tap

    @overload
    def create_rest_client(self, config: ConfigT, is_private: Literal[False] = ...) -> BaseRestClient: ...
    @overload
    def create_rest_client(
        self, config: ConfigT, is_private: Literal[True], account: str = ...
    ) -> BasePrivateRestClient: ...
    @overload
    def create_rest_client(
        self, config: ConfigT, is_private: bool, account: str = ...
    ) -> BaseRestClient | BasePrivateRestClient: ...

    def create_rest_client(
        self, config: ConfigT, is_private: bool = False, account: str = DEFAULT_ACCOUNT
    ) -> BaseRestClient | BasePrivateRestClient:
        """The REST client for these settings; ``is_private``: one that signs with ``config.account(account)``."""
        self._check(config)
        builder = self._overrides.rest_client(self.exchange) if self._overrides else None
        client: BaseRestClient | BasePrivateRestClient
        if builder is not None:
            of_account = {"account": account} if is_private else {}
            client = builder(config, is_private=is_private, **of_account)
        elif is_private:
            client = self.build_private_rest_client(config, account=account)
        else:
            client = self.build_rest_client(config)
        return client

    @overload
    def create_websocket_client(self, config: ConfigT, is_private: Literal[False] = ...) -> BaseWebSocketClient: ...
    @overload
    def create_websocket_client(
        self,
        config: ConfigT,
        is_private: Literal[True],
        account: str = ...,
        *,
        rest_client: BasePrivateRestClient | None = ...,
    ) -> BasePrivateWebSocketClient: ...
    @overload
    def create_websocket_client(
        self,
        config: ConfigT,
        is_private: bool,
        account: str = ...,
        *,
        rest_client: BasePrivateRestClient | None = ...,
    ) -> BaseWebSocketClient | BasePrivateWebSocketClient: ...

    def create_websocket_client(
        self,
        config: ConfigT,
        is_private: bool = False,
        account: str = DEFAULT_ACCOUNT,
        *,
        rest_client: BasePrivateRestClient | None = None,
    ) -> BaseWebSocketClient | BasePrivateWebSocketClient:
        """The WebSocket client for these settings; ``is_private``: the account's streams instead of the market's.

        ``rest_client`` is the account's REST client, which some streams are opened with; where it is None, a private
        client makes and closes one of its own.
        """
        self._check(config)
        builder = self._overrides.websocket_client(self.exchange) if self._overrides else None
        client: BaseWebSocketClient | BasePrivateWebSocketClient
        if builder is not None:
            of_account = {"account": account} if is_private else {}
            client = builder(config, is_private=is_private, **of_account)
        elif is_private:
            client = self.build_private_websocket_client(config, account=account, rest_client=rest_client)
        else:
            client = self.build_websocket_client(config)
        return client

    def create_public_exchange(self, config: ConfigT) -> PublicExchange:
        """Everything that needs no account, put together; ``async with`` opens and closes it."""
        rest, websocket = self.create_rest_client(config), self.create_websocket_client(config)
        builder = self._overrides.composite(self.exchange, is_private=False) if self._overrides else None
        if builder is None:
            return self.build_public_exchange(config=config, rest_client=rest, websocket_client=websocket)
        exchange: PublicExchange = builder(
            config=config, rest_client=rest, websocket_client=websocket, owns_clients=True
        )
        return exchange

    def create_private_exchange(self, config: ConfigT, account: str = DEFAULT_ACCOUNT) -> PrivateExchange:
        """Everything of ``config.account(account)``, put together; ``async with`` opens and closes it.

        Raises:
            ConfigurationException: no such account is configured, or this exchange offers no private side.
        """
        rest = self.create_rest_client(config, True, account)
        websocket = self.create_websocket_client(config, True, account, rest_client=rest)
        builder = self._overrides.composite(self.exchange, is_private=True) if self._overrides else None
        if builder is None:
            return self.build_private_exchange(
                config=config, account=account, rest_client=rest, websocket_client=websocket
            )
        exchange: PrivateExchange = builder(
            config=config, account=account, rest_client=rest, websocket_client=websocket, owns_clients=True
        )
        return exchange

    @abstractmethod
    def build_rest_client(self, config: ConfigT) -> BaseRestClient:
        """This exchange's own public REST client."""

    @abstractmethod
    def build_websocket_client(self, config: ConfigT) -> BaseWebSocketClient:
        """This exchange's own public WebSocket client."""

    @abstractmethod
    def build_public_exchange(
        self, *, config: ConfigT, rest_client: BaseRestClient, websocket_client: BaseWebSocketClient
    ) -> PublicExchange:
        """This exchange's own public composite, which owns both clients from now on (``owns_clients=True``)."""

    def build_private_rest_client(self, config: ConfigT, *, account: str) -> BasePrivateRestClient:
        """This exchange's own REST client of ``config.account(account)``."""
        raise self._public_only()

    def build_private_websocket_client(
        self, config: ConfigT, *, account: str, rest_client: BasePrivateRestClient | None
    ) -> BasePrivateWebSocketClient:
        """This exchange's own private streams; without ``rest_client`` they make and close one, if they need one."""
        raise self._public_only()

    def build_private_exchange(
        self,
        *,
        config: ConfigT,
        account: str,
        rest_client: BasePrivateRestClient,
        websocket_client: BasePrivateWebSocketClient,
    ) -> PrivateExchange:
        """This exchange's own private composite, which owns both clients from now on (``owns_clients=True``)."""
        raise self._public_only()

    def _check(self, config: ConfigT) -> None:
        if not isinstance(config, self.config_type):
            raise ConfigurationException(
                f"{self.exchange} takes settings of type {self.config_type.__name__}, not {type(config).__name__}",
                operation="create_exchange",
            )

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


def http_transport(config: BaseExchangeConfig, account: str | None = None) -> AiohttpTransport:
    """A pool of HTTP connections, through the proxy of ``account`` or of the settings; whoever asked closes it."""
    from cex.networking import AiohttpTransport

    return AiohttpTransport(proxy=_proxy(config, account), connections_per_host=config.network.connections_per_host)


def rate_limiter(
    config: BaseExchangeConfig, endpoint: str, account: str | None = None, *, clock: Clock = SYSTEM_CLOCK
) -> RateLimiter:
    """The one limiter of this process for the host of ``endpoint``, as it sees us: directly, or through a proxy.

    The exchange adds its pools (``RateLimiter.add``): those of the address under plain names, those of an account with
    :func:`account_scope` in the name.
    """
    from cex.networking import shared_limiter

    return shared_limiter(urlsplit(config.endpoint(endpoint)).netloc, _proxy(config, account) or "", clock=clock)


def account_scope(config: BaseExchangeConfig, account: str) -> str:
    """What marks the rate pools of an account: the same for every label of one key, and nothing of the key itself."""
    key, _ = config.account(account).credentials()
    return sha256(key.reveal().encode()).hexdigest()[:8]


def _proxy(config: BaseExchangeConfig, account: str | None) -> str | None:
    own = None if account is None else config.account(account).proxy
    proxy = own or config.network.proxy
    return proxy.get_secret_value() if proxy else None


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


def websocket_transport(config: BaseExchangeConfig, account: str | None = None) -> AiohttpWebSocketTransport:
    """What opens WebSocket connections, through the proxy of ``account`` or of these settings."""
    from cex.networking import AiohttpWebSocketTransport

    return AiohttpWebSocketTransport(proxy=_proxy(config, account))
