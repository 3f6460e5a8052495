"""The gate before the recorder: nothing after the moment that the summary tells."""

from __future__ import annotations

from cex.cli.record import Gate


class Heard:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def opened(self, connection: int, url: str, at_ns: int) -> None:
        self.calls.append("opened")

    def sent(self, connection: int, data: str, at_ns: int) -> None:
        self.calls.append("sent")

    def received(self, connection: int, data: bytes | str, at_ns: int) -> None:
        self.calls.append("received")

    def closed(self, connection: int, code: int | None, reason: str, at_ns: int) -> None:
        self.calls.append("closed")

    def answered(self, method: str, url: str, status: int, body: bytes, at_ns: int) -> None:
        self.calls.append("answered")


def test_a_shut_gate_lets_only_the_life_of_connections_through() -> None:
    heard = Heard()
    gate = Gate(heard)

    def everything() -> None:
        gate.opened(1, "ws://x", 1)
        gate.sent(1, "a", 2)
        gate.received(1, b"b", 3)
        gate.answered("GET", "http://x", 200, b"", 4)
        gate.closed(1, None, "", 5)

    everything()
    assert heard.calls == ["opened", "sent", "received", "answered", "closed"]
    heard.calls.clear()
    gate.shut = True
    everything()
    assert heard.calls == ["opened", "closed"]
