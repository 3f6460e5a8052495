"""The toy exchange's own tests run where it is installed, and are not collected elsewhere."""

from __future__ import annotations

import importlib.util

collect_ignore = [] if importlib.util.find_spec("cex.exchanges.toy") else ["tests"]
