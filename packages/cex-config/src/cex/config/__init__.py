"""Files and environment become validated, frozen settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.config.config_manager import ConfigManager
    from cex.config.core.base_config import BaseConfig
    from cex.config.core.environment import Environment
    from cex.config.core.validation import Fault, InvalidSettings
    from cex.config.exchanges.base_exchange_config import CUSTOM_PROFILE, AccountConfig, BaseExchangeConfig
    from cex.config.infrastructure.database_config import DatabaseConfig
    from cex.config.infrastructure.logging_config import LoggingConfig
    from cex.config.infrastructure.network_config import NetworkConfig

__all__ = [
    "CUSTOM_PROFILE",
    "AccountConfig",
    "BaseConfig",
    "BaseExchangeConfig",
    "ConfigManager",
    "DatabaseConfig",
    "Environment",
    "Fault",
    "InvalidSettings",
    "LoggingConfig",
    "NetworkConfig",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "config_manager": ["ConfigManager"],
        "core.base_config": ["BaseConfig"],
        "core.environment": ["Environment"],
        "core.validation": ["Fault", "InvalidSettings"],
        "exchanges.base_exchange_config": ["CUSTOM_PROFILE", "AccountConfig", "BaseExchangeConfig"],
        "infrastructure.database_config": ["DatabaseConfig"],
        "infrastructure.logging_config": ["LoggingConfig"],
        "infrastructure.network_config": ["NetworkConfig"],
    },
)
