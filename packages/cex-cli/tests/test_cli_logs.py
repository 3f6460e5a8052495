"""Log lines: to standard error, redacted, as text or JSON."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from cex.cli.logs import LogFormat, configure_logging
from cex.common.redaction import Secret

LOGGER = logging.getLogger("cex.test")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root, level = logging.getLogger(), logging.getLogger().level
    handlers = list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.getLogger("asyncio").setLevel(logging.NOTSET)


def test_text_lines_carry_their_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    LOGGER.info("not shown")
    LOGGER.warning("book lost: %s", "gap", extra={"symbol": "BTC/USDT", "attempt": 2})
    LOGGER.warning("bare")
    first, second = capsys.readouterr().err.splitlines()
    assert first[8:].split(" ", 1)[1] == "WARNING cex.test: book lost: gap (symbol=BTC/USDT attempt=2)"
    assert second.endswith("WARNING cex.test: bare")


@pytest.mark.parametrize(("verbosity", "shown"), [(0, 1), (1, 2), (2, 3), (5, 3)])
def test_verbosity(capsys: pytest.CaptureFixture[str], verbosity: int, shown: int) -> None:
    configure_logging(verbosity)
    LOGGER.debug("d")
    LOGGER.info("i")
    LOGGER.warning("w")
    assert len(capsys.readouterr().err.splitlines()) == shown


@pytest.mark.parametrize(("verbosity", "shown"), [(0, 0), (1, 1), (2, 2), (3, 3)])
def test_warnings_that_are_expected_take_one_step_more(
    capsys: pytest.CaptureFixture[str], verbosity: int, shown: int
) -> None:
    configure_logging(verbosity, warnings_expected=True)
    LOGGER.debug("d")
    LOGGER.info("i")
    LOGGER.warning("w")
    assert len(capsys.readouterr().err.splitlines()) == shown


def test_who_listens_by_lowering_the_root_does_not_make_us_talk(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    logging.getLogger().setLevel(logging.DEBUG)
    LOGGER.debug("for somebody else")
    LOGGER.warning("for all")
    assert "somebody" not in (err := capsys.readouterr().err)
    assert "for all" in err


def test_configuring_again_replaces(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    configure_logging()
    LOGGER.warning("once")
    assert capsys.readouterr().err.count("once") == 1


def test_json_lines_are_whole_objects(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(log_format=LogFormat.JSON)
    LOGGER.warning("odd", extra={"what": {1, 2}.__class__, "level": "not this one"})
    line = json.loads(capsys.readouterr().err)
    assert line["message"] == "odd"
    assert line["level"] == "WARNING", "a structured field does not replace our own"
    assert line["logger"] == "cex.test"
    assert line["what"] == "<class 'set'>"
    assert line["at"].endswith("+00:00")


@pytest.mark.parametrize("log_format", LogFormat)
def test_no_secret_gets_through(capsys: pytest.CaptureFixture[str], log_format: LogFormat) -> None:
    configure_logging(log_format=log_format)
    secret = Secret("hush-hush-hush")
    try:
        raise RuntimeError(f"signature={secret.reveal()}")
    except RuntimeError:
        LOGGER.exception("sent %s", secret.reveal(), extra={"api_key": "plain", "url": f"x?q={secret.reveal()}"})
    text = capsys.readouterr().err
    assert "hush" not in text
    assert "plain" not in text
    assert "RuntimeError" in text
    if log_format is LogFormat.JSON:
        assert "RuntimeError" in json.loads(text)["traceback"]


def test_lines_go_to_what_standard_error_is_at_the_moment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging()
    later = io.StringIO()
    monkeypatch.setattr("sys.stderr", later)
    LOGGER.warning("here")
    assert capsys.readouterr().err == ""
    assert "here" in later.getvalue()
