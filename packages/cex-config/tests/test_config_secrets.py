"""Canary secrets in every input: none of them turns up in a message, a repr, a dump, a log or a traceback."""

from __future__ import annotations

import gc
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cex.config import BaseExchangeConfig, ConfigManager, InvalidSettings

Manager = Callable[..., ConfigManager]
CANARY = "CANARY-5f1e"

FAULTY_FILES = {
    "unknown.toml": f"[exchanges.venue]\nsecret_kye = '{CANARY}'\napi-key = '{CANARY}'",
    "wrong-place.toml": f"[exchanges.venue]\naccounts = '{CANARY}'",
    "too-deep.toml": f"[exchanges.venue.accounts.a]\napi_key = {{ text = '{CANARY}' }}\nsecret_key = ['{CANARY}']",
    "blanks.toml": f"[exchanges.venue.accounts.default]\napi_key = '{CANARY} '\nsecret_key = '{CANARY}\\n'",
    "one-half.toml": f"[exchanges.venue.accounts.default]\napi_key = '{CANARY}'",
    "extra.toml": f"[exchanges.venue.accounts.default]\napi_key = '{CANARY}'\npassphrase = '{CANARY}'",
    "address.toml": f"[exchanges.venue]\nendpoints.rest = 'https://me:{CANARY}@venue example'",
    "token-address.toml": f"[exchanges.venue]\nendpoints.rest = 'https://{CANARY}@venue.example'",
    "proxy.toml": f"[network]\nproxy = 'socks5://me:{CANARY}@h:1'",
    "database.toml": f"[database]\nurl = '{CANARY}'",
    "root.toml": f"api_key = '{CANARY}'",
    "syntax.toml": f"api_key = {CANARY}",
    "open-string.toml": f"api_key = '{CANARY}",
    "bare.toml": CANARY,
    "reference.toml": f"[exchanges.venue.accounts.a]\napi_key = '${{A:{CANARY}'\nsecret_key = '${{A B:{CANARY}}}'",
    "syntax.yaml": f"api_key: @{CANARY}",
    "alias.yaml": f"api_key: *{CANARY}",
    "tag.yaml": f"api_key: !{CANARY} x",
    "open.yaml": f'api_key: "{CANARY}',
    "bare.yaml": CANARY,
    "double.yaml": f"exchanges:\n  venue:\n    accounts:\n      a: {{api_key: {CANARY}, api_key: {CANARY}}}",
    "list.yaml": f"- {CANARY}",
}


def texts_of(error: BaseException) -> Iterator[str]:
    """Everything that could be printed of an error: also its chain, and the locals of every frame it passed."""
    here: BaseException | None = error
    while here is not None:
        yield str(here)
        yield repr(here)
        yield repr(vars(here))
        yield from map(repr, here.args)
        here = here.__cause__ or here.__context__
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    yield "".join(report.format())


@pytest.mark.parametrize("name", FAULTY_FILES)
def test_a_faulty_file_tells_no_secret(manager: Manager, name: str) -> None:
    settings = manager(FAULTY_FILES[name], name=name, variables={})
    error = failure_of(settings)
    assert error.faults
    for text in texts_of(error):
        assert CANARY not in text
    assert CANARY not in repr(pickle.loads(pickle.dumps(error)).faults)


def failure_of(settings: ConfigManager) -> InvalidSettings:
    """The error, raised through frames whose locals hold only what the library itself keeps."""
    with pytest.raises(InvalidSettings) as caught:
        settings.load()
    return caught.value


@pytest.mark.parametrize(
    "variables",
    [
        {"CEX__EXCHANGES__VENUE__ACCOUNTS__MAIN__API_KEY": CANARY},
        {"CEX__EXCHANGES__VENUE__ACCOUNTS__MAIN__SECRET": CANARY},
        {"CEX__EXCHANGES__VENUE__ACCOUNTS": CANARY},
        {"CEX__API_KEY": CANARY, "CEX__API_KEY__X": CANARY},
        {"CEX__": CANARY},
        {"CEX__NETWORK__PROXY": CANARY},
    ],
)
def test_a_faulty_variable_tells_no_secret(manager: Manager, variables: dict[str, str]) -> None:
    error = failure_of(manager(variables=variables))
    assert all(CANARY not in text for text in texts_of(error))


@pytest.mark.parametrize("line", [CANARY, f"KEY = '{CANARY}", f"KEY='x' {CANARY}", f"A={CANARY}\nA={CANARY}"])
def test_a_faulty_dotenv_tells_no_secret(manager: Manager, tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(line)
    error = failure_of(manager(""))
    assert all(CANARY not in text for text in texts_of(error))


def test_a_secret_in_a_reference_to_the_wrong_setting_is_not_shown(manager: Manager) -> None:
    error = failure_of(manager("[exchanges.venue]\nprofile = '${KEY}'\ndepth = '${KEY}'", variables={"KEY": CANARY}))
    assert len(error.faults) == 2
    assert "found '${KEY}'" in error.message
    assert all(CANARY not in text for text in texts_of(error))


def test_good_settings_tell_no_secret(manager: Manager, caplog: pytest.LogCaptureFixture) -> None:
    settings = manager(
        f"""
        [exchanges.venue]
        accounts.default.api_key = "${{KEY}}"
        accounts.default.secret_key = "{CANARY}-2"
        network.proxy = "http://me:{CANARY}@proxy:1"
        [database]
        url = "postgresql://me:{CANARY}@host/name"
        """,
        variables={"KEY": CANARY, "OTHER": CANARY},
    )
    config = settings.get_exchange_config("venue")
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").info("config %r %s %s", config, settings.database, config.accounts)
    texts = [
        repr(settings),
        repr(config),
        str(config),
        config.model_dump_json(),
        str(config.model_dump()),
        f"{config.account().credentials()}",
        repr(settings.explain()),
        repr(settings.database),
        repr(vars(settings)),
        caplog.text,
    ]
    assert all(CANARY not in text for text in texts)


def test_a_setting_built_by_hand_tells_no_secret(venue_type: type[BaseExchangeConfig]) -> None:
    values = {"accounts": {"default": {"api_key": CANARY, "secret_key": CANARY + "\n"}}, "api_key": CANARY}
    with pytest.raises(InvalidSettings) as caught:
        venue_type(**values)  # type: ignore[arg-type]
    del values
    gc.collect()
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in report.stack if "cex" in frame.filename and "tests" not in frame.filename]
    assert ours
    assert CANARY not in repr([frame.locals for frame in ours])
    assert CANARY not in str(caught.value) + repr(caught.value.faults)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
