"""What holds for every test: interrupts arrive, also where a shell started the tests in the background.

Tests that are marked ``slow`` or ``live`` run only when they are asked for, with ``-m``.
"""

from __future__ import annotations

import signal

import pytest

signal.signal(signal.SIGINT, signal.default_int_handler)

_ASKED_FOR = ("slow", "live")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.markexpr:
        return
    left = [item for item in items if any(item.get_closest_marker(name) for name in _ASKED_FOR)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
