"""The sandbox against a bare aiohttp server that pushes and answers constants of the same size, by CPU seconds.

Both are processes of their own, on loopback; what listens and asks is this process, and is not weighed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from harness import LEAST_ROUNDS, Case, Result

__all__ = ["CASES"]

WORKER = Path(__file__).parent / "sandbox_worker.py"
BOTS = 8
PUSH_PASS_S = 1.0
ORDERS_A_PASS = 300
SETTLE_S = 0.5


class Server:
    """One worker process."""

    def __init__(self, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said: dict[str, Any] = self._read()

    def cpu(self) -> float:
        """CPU seconds so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        spent: float = self._read()
        return spent

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a worker of the sandbox's benchmark failed")
        return json.loads(line)


@contextmanager
def server(*arguments: object) -> Iterator[Server]:
    running = Server(*arguments)
    try:
        yield running
    finally:
        running.close()


# --- pushes ----------------------------------------------------------------------------------------------------------


class Listener:
    """One WebSocket, read as bytes; counts frames and their payload."""

    def __init__(self, port: int, path: str, requests: list[str]) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        self._rest = b""
        while b"\r\n\r\n" not in self._rest:
            self._rest += self._socket.recv(65536)
        self._rest = self._rest.partition(b"\r\n\r\n")[2]
        for text in requests:
            payload = text.encode()
            head = bytes([0x81, 0x80 | 126]) + len(payload).to_bytes(2, "big")
            if len(payload) < 126:
                head = bytes([0x81, 0x80 | len(payload)])
            self._socket.sendall(head + bytes(4) + payload)
        self._socket.setblocking(False)
        self.frames = self.octets = 0

    def read(self) -> bool:
        """Take what has come; whether there was anything."""
        try:
            data = self._socket.recv(1 << 20)
        except BlockingIOError:
            return False
        if not data:
            raise RuntimeError("a server hung up on the benchmark")
        buffer = self._rest + data
        at, size = 0, len(buffer)
        while at + 2 <= size:
            length, head = buffer[at + 1], 2
            if length == 126:
                if at + 4 > size:
                    break
                length, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            elif length == 127:
                if at + 10 > size:
                    break
                length, head = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
            if at + head + length > size:
                break
            at += head + length
            self.frames += 1
            self.octets += length
        self._rest = buffer[at:]
        return True

    def close(self) -> None:
        self._socket.close()


class Heard(NamedTuple):
    """CPU seconds and wall seconds a message, and bytes a message."""

    cpu: float
    wall: float
    size: float


def hear(running: Server, listeners: list[Listener], seconds: float) -> Heard:
    """Listen for a while."""

    def total() -> tuple[int, int]:
        return sum(one.frames for one in listeners), sum(one.octets for one in listeners)

    frames, octets = total()
    cpu, started = running.cpu(), time.monotonic()
    while time.monotonic() - started < seconds:
        if not sum(one.read() for one in listeners):
            time.sleep(0.002)
    taken, cpu = time.monotonic() - started, running.cpu() - cpu
    now_frames, now_octets = total()
    count = max(1, now_frames - frames)
    return Heard(cpu / count, taken / count, (now_octets - octets) / count)


def bots(said: dict[str, Any], count: int) -> list[Listener]:
    """Each hears book, trades and top of all symbols of both venues, at the documented intervals that are shortest."""
    names = ["BTC", *(f"C{number}" for number in range(1, 50))]
    mexc = [
        f"spot@public.aggre.{kind}.v3.api.pb@10ms@{name}USDT"
        for name in names
        for kind in ("depth", "deals", "bookTicker")
    ]
    pairs = [f"{name}_USDT" for name in names]
    books = [{"channel": "spot.order_book_update", "payload": [pair, "20ms"]} for pair in pairs]
    others = [{"channel": f"spot.{channel}", "payload": pairs} for channel in ("trades", "book_ticker")]
    gateio = [json.dumps({"time": 1, "event": "subscribe", **one}) for one in (*books, *others)]
    found = []
    for _ in range(count):
        port = int(said["mexc"]["rest"].rpartition(":")[2])
        asked = [json.dumps({"method": "SUBSCRIPTION", "params": mexc[at : at + 15]}) for at in range(0, len(mexc), 15)]
        found.append(Listener(port, "/ws", asked))
        port = int(said["gateio"]["ws_spot"].split(":")[2].partition("/")[0])
        found.append(Listener(port, "/ws/v4/", gateio))
    return found


def pushes(rounds: int) -> Result:
    """CPU seconds a pushed message, eight bots listening to everything, against pushing constants."""
    with server("sandbox", 0.02) as sandbox:
        listeners = bots(sandbox.said, BOTS)
        size = round(hear(sandbox, listeners, 2 * SETTLE_S).size)
        with server("constants", size, 100) as bare:
            others = [Listener(bare.said["port"], "/ws", ["begin"]) for _ in range(2 * BOTS)]
            hear(bare, others, SETTLE_S)
            pairs = [
                (hear(sandbox, listeners, PUSH_PASS_S), hear(bare, others, PUSH_PASS_S / 2))
                for _ in range(max(5, rounds // 3))
            ]
            for one in others:
                one.close()
        for one in listeners:
            one.close()
    ours, theirs = median(p[0].cpu for p in pairs), median(p[1].cpu for p in pairs)
    return Result(
        "sandbox-pushes",
        f"CPU time a push, 2 x 50 symbols and {BOTS} bots, against constants of {size} bytes",
        median(one.cpu / other.cpu for one, other in pairs),
        target=2.0,
        details={
            "pushes_per_cpu_s": round(1 / ours),
            "constants_per_cpu_s": round(1 / theirs),
            "pushes_per_s": round(1 / median(p[0].wall for p in pairs)),
        },
    )


# --- orders ----------------------------------------------------------------------------------------------------------


class Asker:
    """One connection that is kept alive."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._port = port

    def ask(self, path: str, headers: str, body: bytes) -> bytes:
        """POST; the answer's body."""
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._socket.recv(65536)
        head_bytes, _, content = answer.partition(b"\r\n\r\n")
        length = int(head_bytes.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(content) < length:
            content += self._socket.recv(65536)
        if not head_bytes.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            raise RuntimeError(f"an order was refused: {content.decode()}")
        return content

    def close(self) -> None:
        self._socket.close()


def mexc_order(said: dict[str, Any]) -> tuple[str, str, bytes]:
    """A limit order that rests far from the market, signed."""
    own = said["mexc"]["credentials"]
    query = (
        f"symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.0001&price={said['price']}"
        f"&recvWindow=60000&timestamp={time.time_ns() // 1_000_000}"
    )
    signature = hmac.new(own["secret"].encode(), query.encode(), hashlib.sha256).hexdigest()
    headers = f"X-MEXC-APIKEY: {own['key']}\r\nContent-Type: application/json\r\n"
    return f"/api/v3/order?{query}&signature={signature}", headers, b""


def timed(running: Server, asker: Asker, make: Callable[[], tuple[str, str, bytes]]) -> tuple[float, int]:
    """CPU seconds a request, and the size of an answer."""
    requests, size = [make() for _ in range(ORDERS_A_PASS)], 0
    cpu = running.cpu()
    for path, headers, body in requests:
        size = len(asker.ask(path, headers, body))
    return (running.cpu() - cpu) / ORDERS_A_PASS, size


def orders(rounds: int) -> Result:
    """CPU seconds a placed order, signature, checks, matching and bookkeeping included, against constant answers."""
    with server("sandbox", 0.5) as sandbox:
        said = sandbox.said
        asker = Asker(int(said["mexc"]["rest"].rpartition(":")[2]))
        size = timed(sandbox, asker, lambda: mexc_order(said))[1]
        with server("constants", 100, size) as bare:
            other = Asker(bare.said["port"])

            def constant() -> tuple[str, str, bytes]:
                path, headers, body = mexc_order(said)
                return f"/order{path[13:]}", headers, body

            timed(bare, other, constant)
            pairs = [
                (timed(sandbox, asker, lambda: mexc_order(said))[0], timed(bare, other, constant)[0])
                for _ in range(max(LEAST_ROUNDS, rounds))
            ]
            other.close()
        asker.close()
    return Result(
        "sandbox-orders",
        f"CPU time an order by REST, against constant answers of {size} bytes",
        median(ours / theirs for ours, theirs in pairs),
        target=1 / 0.3,
        details={
            "orders_per_cpu_s": round(1 / median(ours for ours, _ in pairs)),
            "constants_per_cpu_s": round(1 / median(theirs for _, theirs in pairs)),
        },
    )


CASES = [Case("sandbox-pushes", pushes), Case("sandbox-orders", orders)]
