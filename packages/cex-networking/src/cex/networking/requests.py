"""What is asked and answered over REST: plain values that the exchange's code, its signer and the client share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from cex.common.constants.network_constants import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, TOTAL_TIMEOUT_S
from cex.common.redaction import redact, redact_mapping
from cex.networking.rate_limit import Priority

__all__ = ["RestRequest", "RestResponse", "Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for one try: to open a connection (TLS included), without a byte of the answer, and all in all."""

    connect: float = CONNECT_TIMEOUT_S
    read: float = READ_TIMEOUT_S
    total: float = TOTAL_TIMEOUT_S

    def __post_init__(self) -> None:
        if min(self.connect, self.read, self.total) <= 0:
            raise ValueError(f"timeouts are positive seconds, not {self}")


@dataclass(frozen=True, slots=True)
class RestRequest:
    """One call, before it is signed.

    ``path`` and ``params`` are plain text: they are percent-encoded once, on sending, in UTF-8, with ``%20`` for a
    space; the parameters keep their order. ``operation`` is our own name of the call. ``costs`` maps rate pools to
    weights. ``idempotent`` says that the call may be repeated: None means that only a GET may; a cancel by id sets it.
    ``max_wait`` bounds the seconds spent waiting for the rate limit (an order goes stale there); None waits as long as
    it takes.
    """

    method: str
    path: str
    operation: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    costs: Mapping[str, int] = field(default_factory=dict)
    priority: Priority = Priority.QUERY
    signed: bool = False
    idempotent: bool | None = None
    max_wait: float | None = None

    def __post_init__(self) -> None:
        if not (self.method.isascii() and self.method.isalpha() and self.method.isupper()):
            raise ValueError(f"an HTTP method is upper-case letters, not {self.method!r}")
        if not self.path.startswith("/") or "?" in self.path or "#" in self.path:
            raise ValueError("a path starts with / and holds no query or fragment; parameters belong into params")

    @property
    def endpoint(self) -> str:
        """Method and path, without the query: what errors and logs show."""
        return f"{self.method} {self.path}"

    @property
    def query(self) -> str:
        """The encoded query string exactly as it is sent, without the question mark."""
        return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in self.params.items())

    @property
    def target(self) -> str:
        """The encoded path with its query, as it follows the base URL."""
        path = quote(self.path, safe="/:@!$&'()*+,;=~")
        return f"{path}?{self.query}" if self.params else path

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method == "GET" if self.idempotent is None else self.idempotent

    def __repr__(self) -> str:
        return (
            f"RestRequest({redact(self.endpoint)!r}, operation={self.operation!r},"
            f" params={redact_mapping(self.params)}, headers={redact_mapping(self.headers)},"
            f" body={len(self.body)} bytes, costs={dict(self.costs)}, priority={self.priority.name},"
            f" signed={self.signed}, repeatable={self.repeatable})"
        )


@dataclass(frozen=True, slots=True)
class RestResponse:
    """One answer. ``headers`` have lower-case names; times are wall nanoseconds of our clock.

    ``round_trip_ns`` is measured on the monotonic clock; ``request`` is the one asked for, without its signature.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_ns: int
    received_ns: int
    round_trip_ns: int
    attempt: int
    correlation_id: str
    request: RestRequest

    def __repr__(self) -> str:
        return (
            f"RestResponse(status={self.status}, body={len(self.body)} bytes, attempt={self.attempt},"
            f" correlation_id={self.correlation_id!r}, request={self.request!r})"
        )
