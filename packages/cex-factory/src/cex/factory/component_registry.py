"""What stands for which exchange: factories that were registered or found, and single parts that replace their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from cex.common.exceptions import ConfigurationException
from cex.config.core.validation import not_installed
from cex.exchanges.base.factory import BaseExchangeFactory, ClientBuilder, CompositeBuilder
from cex.factory.discovery import Discovered, check_factory, discover

if TYPE_CHECKING:
    from cex.config.exchanges.base_exchange_config import BaseExchangeConfig

__all__ = ["BaseExchangeFactory", "ComponentRegistry"]

Value = TypeVar("Value")


class ComponentRegistry:
    """An instance, owned by whoever builds exchanges with it; two registries know nothing of each other.

    Installed exchanges are looked for once, when a name is first asked for, and each is imported when it is first used:
    one that is broken leaves the others usable. What is registered here comes before what is installed. A second
    registration of the same thing is refused.
    """

    def __init__(self, find: Callable[[], Mapping[str, Discovered]] = discover) -> None:
        """``find`` lists the installed exchanges; give ``dict`` for a registry that knows only what is registered."""
        self._find = find
        self._found: Mapping[str, Discovered] | None = None
        self._factories: dict[str, type[BaseExchangeFactory[Any]]] = {}
        self._loaded: dict[str, type[BaseExchangeFactory[Any]]] = {}
        self._rest_clients: dict[str, ClientBuilder] = {}
        self._websocket_clients: dict[str, ClientBuilder] = {}
        self._composites: dict[tuple[str, bool], CompositeBuilder] = {}

    def __repr__(self) -> str:
        return f"<ComponentRegistry {', '.join(self.names()) or 'empty'}>"

    def register_factory(self, exchange: str, factory: type[BaseExchangeFactory[Any]]) -> None:
        """Make an exchange known that no distribution announces, or replace one that is installed."""
        problem = check_factory(exchange, factory)
        if problem:
            raise ConfigurationException(f"cannot register {factory!r} as the exchange {exchange!r}: it {problem}")
        _once(self._factories, exchange, factory, f"a factory of {exchange!r}")

    def register_rest_client(self, exchange: str, builder: ClientBuilder) -> None:
        """Use this class or function instead of the exchange's own REST client: ``builder(config, is_private=...)``."""
        _once(self._rest_clients, exchange, builder, f"a REST client of {exchange!r}")

    def register_websocket_client(self, exchange: str, builder: ClientBuilder) -> None:
        """Use this class or function instead of the exchange's own: ``builder(config, is_private=...)``."""
        _once(self._websocket_clients, exchange, builder, f"a WebSocket client of {exchange!r}")

    def register_composite(self, exchange: str, builder: CompositeBuilder, *, is_private: bool = False) -> None:
        """Use this instead of the exchange's own composite.

        It is called with ``config``, ``rest_client``, ``websocket_client`` and ``owns_clients=True``.
        """
        _once(self._composites, (exchange, is_private), builder, f"a composite of {exchange!r}")

    def rest_client(self, exchange: str) -> ClientBuilder | None:
        """What was registered instead of the exchange's own REST client."""
        return self._rest_clients.get(exchange)

    def websocket_client(self, exchange: str) -> ClientBuilder | None:
        """What was registered instead of the exchange's own WebSocket client."""
        return self._websocket_clients.get(exchange)

    def composite(self, exchange: str, *, is_private: bool) -> CompositeBuilder | None:
        """What was registered instead of the exchange's own composite of that role."""
        return self._composites.get((exchange, is_private))

    def names(self) -> tuple[str, ...]:
        """Every exchange that is registered or installed; imports none of them."""
        return tuple(sorted({*self._factories, *self._installed()}))

    def factory_type(self, exchange: str) -> type[BaseExchangeFactory[Any]]:
        """The factory of an exchange, imported now if it was not yet.

        Raises:
            ConfigurationException: it is not installed (the message names the command that installs it), or its
                distribution is broken (the message names the distribution).
        """
        factory = self._factories.get(exchange) or self._loaded.get(exchange)
        if factory is None:
            found = self._installed().get(exchange)
            if found is None:
                raise ConfigurationException(f"{exchange}: {not_installed(exchange, self.names())}")
            factory = self._loaded[str(exchange)] = found.load()
        return factory

    @property
    def config_types(self) -> Mapping[str, type[BaseExchangeConfig]]:
        """The types of the exchanges' settings by name, each imported when it is looked up."""
        return _ConfigTypes(self)

    def _installed(self) -> Mapping[str, Discovered]:
        if self._found is None:
            self._found = self._find()
        return self._found


class _ConfigTypes(Mapping[str, "type[BaseExchangeConfig]"]):
    def __init__(self, registry: ComponentRegistry) -> None:
        self._registry = registry

    def __getitem__(self, exchange: str) -> type[BaseExchangeConfig]:
        if exchange not in self._registry.names():
            raise KeyError(exchange)
        return self._registry.factory_type(exchange).config_type

    def __contains__(self, exchange: object) -> bool:
        return exchange in self._registry.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self._registry.names())

    def __len__(self) -> int:
        return len(self._registry.names())


def _once(known: dict[Any, Value], key: object, value: Value, what: str) -> None:
    if key in known:
        raise ConfigurationException(f"{what} is registered already: {known[key]!r}; use another registry")
    known[key] = value
