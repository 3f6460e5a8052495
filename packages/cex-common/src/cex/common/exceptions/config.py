"""Errors about settings."""

from __future__ import annotations

from cex.common.exceptions.base import CexArbitrageException

__all__ = ["ConfigurationException"]


class ConfigurationException(CexArbitrageException):
    """A setting, plug-in or credential is missing, malformed or contradictory; it says where and what to do."""

    default_safe_to_resubmit = True
