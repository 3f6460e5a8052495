"""What may stand where."""

from __future__ import annotations

from pydantic import Field

from cex.config.core.base_config import BaseConfig

__all__ = ["SecurityConfig"]


class SecurityConfig(BaseConfig):
    """Rules about secrets."""

    allow_plaintext_secrets: bool = Field(
        default=False, description="true: in production, too, secrets may stand in the file as plain text"
    )
