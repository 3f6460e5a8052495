"""What is logged and how, for whoever configures logging in a process; libraries never do. Read by nothing yet."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from cex.config.core.base_config import EMPTY_IS_NONE, BaseConfig, FrozenDict

__all__ = ["LogFormat", "LogLevel", "LoggingConfig"]


class LogLevel(StrEnum):
    """The levels of the standard library."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class LogFormat(StrEnum):
    """Lines for people, or one JSON object a line."""

    TEXT = "text"
    JSON = "json"


class LoggingConfig(BaseConfig):
    """Logging settings (all validated, not yet used)."""

    level: LogLevel = Field(
        default=LogLevel.WARNING, description="the least severe level that is shown (validated, not yet used)"
    )
    format: LogFormat = Field(
        default=LogFormat.TEXT, description="text for people, json for machines (validated, not yet used)"
    )
    levels: Annotated[dict[str, LogLevel], AfterValidator(FrozenDict)] = Field(
        default_factory=FrozenDict, description="levels of single loggers by name (validated, not yet used)"
    )
    file: Annotated[Path | None, EMPTY_IS_NONE] = Field(
        default=None, description="also log into this file (validated, not yet used)"
    )
