"""Where results will be kept; validated so that a file may name it already, read by nothing yet."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from cex.config.core.base_config import EMPTY_IS_NONE, BaseConfig, Count, Seconds

__all__ = ["DatabaseConfig"]


def _database_url(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        scheme, separator, rest = value.get_secret_value().partition("://")
        if not (scheme and separator and rest):
            raise PydanticCustomError("database_url", "Input should be a URL such as postgresql://user@host/name")
    return value


class DatabaseConfig(BaseConfig):
    """Database settings (all validated, not yet used)."""

    url: Annotated[SecretStr | None, EMPTY_IS_NONE, AfterValidator(_database_url)] = Field(
        default=None, description="address of the database, treated as a secret (validated, not yet used)"
    )
    connections: Count = Field(default=5, description="connections kept open (validated, not yet used)")
    timeout: Seconds = Field(default=10.0, description="seconds to wait for a connection (validated, not yet used)")
