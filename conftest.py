"""What holds for every test: interrupts arrive, also where a shell started the tests in the background."""

from __future__ import annotations

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
