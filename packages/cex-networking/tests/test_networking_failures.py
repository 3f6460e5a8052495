from __future__ import annotations

import pickle
import socket
import ssl
import traceback
from typing import cast

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from cex.common.correlation import correlation
from cex.common.exceptions import (
    ExchangeConnectionException,
    ExchangeDataException,
    ExchangeException,
    UnknownOutcomeException,
)
from cex.networking.failures import AnswerTooLarge, NotSent, translated

KEY = cast("ConnectionKey", type("Key", (), {"host": "api.test", "port": 443, "ssl": True, "is_ssl": True})())


def not_sent_because(cause: Exception) -> NotSent:
    error = NotSent("nothing was sent")
    error.__cause__ = cause
    return error


def proxy_answered(status: int) -> aiohttp.ClientHttpProxyError:
    headers = CIMultiDictProxy(CIMultiDict({"Proxy-Authorization": "Basic canary-proxy"}))
    asked = aiohttp.RequestInfo(URL("http://user:canary-user@proxy.test:3128"), "CONNECT", headers)
    return aiohttp.ClientHttpProxyError(asked, (), status=status, message="no")


UNSENT = [
    ConnectionRefusedError(111, "refused"),
    socket.gaierror(-2, "Name or service not known"),
    aiohttp.ClientConnectorError(KEY, OSError(111, "refused")),
    aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "unknown name")),
    aiohttp.ClientProxyConnectionError(KEY, OSError(111, "refused")),
    aiohttp.ConnectionTimeoutError("Connection timeout to host https://api.test/x?signature=canary"),
    not_sent_because(TimeoutError()),
    not_sent_because(aiohttp.ServerDisconnectedError()),
    proxy_answered(503),
    NotSent("nothing was sent"),
]
SENT = [
    TimeoutError(),
    ConnectionResetError(104, "reset"),
    BrokenPipeError(32, "broken pipe"),
    aiohttp.ServerDisconnectedError(),
    aiohttp.SocketTimeoutError("Timeout on reading data from socket"),
    aiohttp.ClientOSError(104, "reset"),
    aiohttp.ClientPayloadError("the answer broke off"),
    aiohttp.ClientConnectionError("lost"),
    ssl.SSLError(1, "broken record"),
]


def translation(error: Exception, *, effect: bool) -> ExchangeException:
    with pytest.raises(ExchangeException) as caught, translated("mexc", "place", "POST /order", 2, effect):
        raise error
    return caught.value


@pytest.mark.parametrize("effect", [False, True])
@pytest.mark.parametrize("error", UNSENT, ids=lambda error: type(error).__name__)
def test_what_never_left_is_safe_to_resubmit(error: Exception, effect: bool) -> None:
    failure = translation(error, effect=effect)
    assert type(failure) is ExchangeConnectionException
    assert failure.safe_to_resubmit
    assert failure.retryable
    assert failure.message.startswith("not sent: ")
    assert "canary" not in str(failure)


@pytest.mark.parametrize("error", SENT, ids=lambda error: type(error).__name__)
def test_a_read_that_broke_can_be_retried(error: Exception) -> None:
    failure = translation(error, effect=False)
    assert type(failure) is ExchangeConnectionException
    assert failure.retryable
    assert failure.safe_to_resubmit


@pytest.mark.parametrize("error", SENT, ids=lambda error: type(error).__name__)
def test_an_order_that_broke_after_sending_is_unknown(error: Exception) -> None:
    failure = translation(error, effect=True)
    assert type(failure) is UnknownOutcomeException
    assert not failure.retryable
    assert not failure.safe_to_resubmit


def test_an_answer_over_the_bound() -> None:
    error = AnswerTooLarge("HTTP 200 with more than 10 bytes")
    assert type(translation(error, effect=True)) is UnknownOutcomeException
    failure = translation(error, effect=False)
    assert isinstance(failure, ExchangeDataException)
    assert not failure.retryable
    assert failure.channel == "POST /order"


def certificate_error() -> aiohttp.ClientConnectorCertificateError:
    return aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError(1, "self-signed"))


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    "error",
    [
        certificate_error(),
        ssl.SSLCertVerificationError(1, "self-signed certificate"),
        aiohttp.ServerFingerprintMismatch(b"a", b"b", "api.test", 443),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_untrusted_certificate_is_not_retried(error: Exception, wrapped: bool) -> None:
    failure = translation(not_sent_because(error) if wrapped else error, effect=True)
    assert isinstance(failure, ExchangeConnectionException)
    assert not failure.retryable
    assert failure.safe_to_resubmit
    assert "certificate" in failure.message


def test_a_proxy_that_wants_a_password_is_not_retried() -> None:
    failure = translation(proxy_answered(407), effect=True)
    assert isinstance(failure, ExchangeConnectionException)
    assert not failure.retryable


def test_the_facts_and_the_cause_are_kept() -> None:
    error = ConnectionResetError(104, "reset by peer")
    with correlation("c0ffee"):
        failure = translation(error, effect=True)
    assert failure.exchange == "mexc"
    assert failure.operation == "place"
    assert failure.endpoint == "POST /order"
    assert failure.attempt == 2
    assert failure.correlation_id == "c0ffee"
    assert failure.__cause__ is error
    assert "reset by peer" in failure.message
    assert str(pickle.loads(pickle.dumps(failure))) == str(failure)


@pytest.mark.parametrize("error", [ValueError("ours"), KeyError("ours"), RuntimeError("Session is closed")])
def test_our_own_bugs_pass_untouched(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, translated("mexc", "place", "POST /order"):
        raise error
    assert caught.value is error


def test_queries_and_headers_are_taken_out_of_the_whole_chain() -> None:
    headers = CIMultiDictProxy(CIMultiDict({"KEY": "canary-key", "SIGN": "canary-sign"}))
    url = URL("https://user:canary-user@api.test/order?symbol=X&unnamed=canary-query")
    parser = ValueError("got GET /order?signature=canary")
    root = aiohttp.ClientResponseError(
        aiohttp.RequestInfo(url, "GET", headers), (), status=400, message=f"not HTTP at {url}"
    )
    root.__cause__ = parser
    middle = aiohttp.ClientConnectionError(f"lost {url}")
    middle.__cause__ = root
    error = aiohttp.ServerTimeoutError(f"Timeout at {url}")
    error.__cause__ = middle
    middle.__context__ = error  # a chain may be a circle
    failure = translation(error, effect=False)
    shown = "".join(traceback.format_exception(failure))
    middle.__context__ = None
    shown += repr(failure) + str(failure.facts()) + repr(error) + repr(middle) + repr(root) + str(root)
    assert "canary" not in shown
    assert "https://api.test/order" in str(root)
    assert "https://" in repr(middle)


def test_an_exception_of_the_caller_in_the_context_is_left_alone() -> None:
    theirs = ValueError("https://user.test/?mine=1")
    ours = TimeoutError()
    ours.__context__ = theirs
    translation(ours, effect=False)
    assert theirs.args == ("https://user.test/?mine=1",)
