"""Send requests and keep sockets alive, knowing no exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.networking.failures import AnswerTooLarge, NotSent, translated
    from cex.networking.metrics import NO_METRICS, InMemoryMetrics, Metrics, NoMetrics, Observed
    from cex.networking.rate_limit import Priority, RateLimiter, RatePool
    from cex.networking.recording import Recorder, RecorderStats, Tap
    from cex.networking.requests import RestRequest, RestResponse, Timeouts
    from cex.networking.rest.answers import Reject
    from cex.networking.rest.client import CORRELATION_HEADER, Feedback, RestClient
    from cex.networking.rest.clock_sync import MeasureTime
    from cex.networking.rest.retry import RetryPolicy, retry_after_seconds
    from cex.networking.rest.server_time import ServerTime
    from cex.networking.rest.transport import AiohttpTransport, HttpAnswer, HttpTransport
    from cex.networking.shared_limits import shared_limiter
    from cex.networking.signing import Signer, require_secure
    from cex.networking.websocket.calls import CallAnswer, CallClient, CallDialect, CallOutbound
    from cex.networking.websocket.client import WebSocketClient
    from cex.networking.websocket.dialect import (
        Acknowledged,
        Advice,
        Control,
        ControlItem,
        Dialect,
        Outbound,
        Pong,
        Refused,
        Subscription,
    )
    from cex.networking.websocket.events import (
        Connected,
        FrameFault,
        Interrupted,
        Recovered,
        StreamEvent,
        SubscriptionRefused,
        Undecodable,
    )
    from cex.networking.websocket.health import ConnectionHealth, ConnectionState
    from cex.networking.websocket.reconnect import ConnectBudget, ReconnectPolicy
    from cex.networking.websocket.transport import (
        AiohttpWebSocketTransport,
        Closed,
        ConnectFailed,
        WebSocketConnection,
        WebSocketTransport,
    )

__all__ = [
    "CORRELATION_HEADER",
    "NO_METRICS",
    "Acknowledged",
    "Advice",
    "AiohttpTransport",
    "AiohttpWebSocketTransport",
    "AnswerTooLarge",
    "CallAnswer",
    "CallClient",
    "CallDialect",
    "CallOutbound",
    "Closed",
    "ConnectBudget",
    "ConnectFailed",
    "Connected",
    "ConnectionHealth",
    "ConnectionState",
    "Control",
    "ControlItem",
    "Dialect",
    "Feedback",
    "FrameFault",
    "HttpAnswer",
    "HttpTransport",
    "InMemoryMetrics",
    "Interrupted",
    "MeasureTime",
    "Metrics",
    "NoMetrics",
    "NotSent",
    "Observed",
    "Outbound",
    "Pong",
    "Priority",
    "RateLimiter",
    "RatePool",
    "ReconnectPolicy",
    "Recorder",
    "RecorderStats",
    "Recovered",
    "Refused",
    "Reject",
    "RestClient",
    "RestRequest",
    "RestResponse",
    "RetryPolicy",
    "ServerTime",
    "Signer",
    "StreamEvent",
    "Subscription",
    "SubscriptionRefused",
    "Tap",
    "Timeouts",
    "Undecodable",
    "WebSocketClient",
    "WebSocketConnection",
    "WebSocketTransport",
    "require_secure",
    "retry_after_seconds",
    "shared_limiter",
    "translated",
]

if not TYPE_CHECKING:
    __getattr__ = lazy_exports(
        __name__,
        {
            "failures": ["AnswerTooLarge", "NotSent", "translated"],
            "metrics": ["NO_METRICS", "InMemoryMetrics", "Metrics", "NoMetrics", "Observed"],
            "rate_limit": ["Priority", "RateLimiter", "RatePool"],
            "recording": ["Recorder", "RecorderStats", "Tap"],
            "requests": ["RestRequest", "RestResponse", "Timeouts"],
            "rest.answers": ["Reject"],
            "rest.client": ["CORRELATION_HEADER", "Feedback", "RestClient"],
            "rest.clock_sync": ["MeasureTime"],
            "rest.retry": ["RetryPolicy", "retry_after_seconds"],
            "rest.server_time": ["ServerTime"],
            "rest.transport": ["AiohttpTransport", "HttpAnswer", "HttpTransport"],
            "shared_limits": ["shared_limiter"],
            "signing": ["Signer", "require_secure"],
            "websocket.calls": ["CallAnswer", "CallClient", "CallDialect", "CallOutbound"],
            "websocket.client": ["WebSocketClient"],
            "websocket.dialect": [
                "Acknowledged",
                "Advice",
                "Control",
                "ControlItem",
                "Dialect",
                "Outbound",
                "Pong",
                "Refused",
                "Subscription",
            ],
            "websocket.events": [
                "Connected",
                "FrameFault",
                "Interrupted",
                "Recovered",
                "StreamEvent",
                "SubscriptionRefused",
                "Undecodable",
            ],
            "websocket.health": ["ConnectionHealth", "ConnectionState"],
            "websocket.reconnect": ["ConnectBudget", "ReconnectPolicy"],
            "websocket.transport": [
                "AiohttpWebSocketTransport",
                "Closed",
                "ConnectFailed",
                "WebSocketConnection",
                "WebSocketTransport",
            ],
        },
    )
