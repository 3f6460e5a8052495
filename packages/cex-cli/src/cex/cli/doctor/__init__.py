"""``cex doctor``: what works between this machine, its settings and the exchanges, and what to do where it does not."""

from __future__ import annotations

from cex.cli.doctor.command import doctor

__all__ = ["doctor"]
