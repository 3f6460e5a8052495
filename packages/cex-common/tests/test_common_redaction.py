from __future__ import annotations

import io
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common.redaction import RedactingFilter, Secret, is_sensitive, redact, redact_mapping


@pytest.mark.parametrize(
    "text",
    [
        "https://api.mexc.com/api/v3/order?symbol=BTCUSDT&signature=CANARY&timestamp=1",
        "wss://wbs-api.mexc.com/ws?listenKey=CANARY",
        '{"KEY": "CANARY", "SIGN": "CANARY"}',
        "{'api_key': 'CANARY'}",
        "X-MEXC-APIKEY: CANARY",
        "Authorization: Bearer CANARY",
        "http://user:CANARY@proxy:3128/",
        "CEX__EXCHANGES__MEXC__ACCOUNTS__DEFAULT__SECRET_KEY=CANARY",
        'secret = "CANARY with blanks"',
        '{"auth":{"method":"api_key","KEY":"CANARY","SIGN":"CANARY"}}',
    ],
)
def test_named_secrets_are_masked(text: str) -> None:
    assert "CANARY" not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    ["symbol=BTCUSDT&limit=5", '{"label":"INVALID_KEY","message":"Invalid key provided"}', "monkey=1", "bid 1.5"],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redact(text) == text


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=40), st.text(), st.text())
def test_a_living_secret_is_masked_wherever_it_turns_up(plain: str, before: str, after: str) -> None:
    secret = Secret(plain)
    assert plain not in redact(f"{before} {secret.reveal()} {after}").replace("***", "")


def test_a_secret_is_masked_as_long_as_any_of_its_equals_lives() -> None:
    first, second = Secret("the-same-key"), Secret("the-same-key")
    assert first == second
    del first
    assert redact("key is the-same-key") == "key is ***"
    del second


def test_a_secret_that_begins_like_another_does_not_uncover_it() -> None:
    short, long = Secret("abcdef"), Secret("abcdef-0123456789")
    assert redact("got abcdef-0123456789 and abcdef") == "got *** and ***"
    assert short != long


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret("CANARY-0123456789")
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", str([secret]), str({"k": secret})):
        assert "CANARY" not in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)
    assert secret.reveal() == "CANARY-0123456789"
    assert secret == Secret("CANARY-0123456789")
    assert hash(secret) == hash(Secret("CANARY-0123456789"))
    assert secret != "CANARY-0123456789"
    assert not Secret("")


def test_sensitive_names() -> None:
    for name in ("KEY", "Sign", "X-MEXC-APIKEY", "api_key", "secret_key", "listenKey", "Authorization", "db.password"):
        assert is_sensitive(name), name
    for name in ("symbol", "timestamp", "monkey", "X-Gate-Channel-Id", "keys"):
        assert not is_sensitive(name), name
    assert redact_mapping({"KEY": "CANARY", "a": "token=CANARY", "b": "1"}) == {
        "KEY": "***",
        "a": "token=***",
        "b": "1",
    }


def test_the_log_filter_masks_message_arguments_and_traceback() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    logger = logging.Logger("cex.test")
    logger.addHandler(handler)
    secret = Secret("CANARY-0123456789")
    try:
        raise ValueError(f"refused {secret.reveal()}")
    except ValueError:
        logger.exception("sent %s to %s", {"KEY": "CANARY"}, "https://x/?signature=CANARY")
    assert "CANARY" not in stream.getvalue()
    assert "ValueError: refused ***" in stream.getvalue()
    assert "signature=***" in stream.getvalue()


def test_a_secret_that_is_a_sensitive_name_hides_no_name() -> None:
    held = Secret("secret")
    assert "canary" not in redact("secret=canary-of-another")
    assert held
