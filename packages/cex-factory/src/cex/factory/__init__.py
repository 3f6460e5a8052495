"""Find the installed exchanges and build them from configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.base.factory import BaseExchangeFactory
    from cex.factory.component_registry import ComponentRegistry
    from cex.factory.discovery import Discovered, discover
    from cex.factory.factory_manager import FactoryManager

__all__ = ["BaseExchangeFactory", "ComponentRegistry", "Discovered", "FactoryManager", "discover"]

__getattr__ = lazy_exports(
    __name__,
    {
        "component_registry": ["BaseExchangeFactory", "ComponentRegistry"],
        "discovery": ["Discovered", "discover"],
        "factory_manager": ["FactoryManager"],
    },
)
