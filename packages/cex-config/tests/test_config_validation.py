from __future__ import annotations

import pickle

from cex.common.exceptions import ConfigurationException
from cex.config import BaseExchangeConfig, Fault, InvalidSettings
from cex.config.core.validation import dotted, is_secret, nearest, not_installed, setting_type, shown


def test_one_fault_is_one_line() -> None:
    error = InvalidSettings([Fault(("a", "b"), "missing", "cex.toml:3")], subject="cex.toml")
    assert error.message == "cex.toml: a.b (cex.toml:3) - missing"
    assert error.operation == "configuration"
    assert isinstance(error, ConfigurationException)


def test_many_faults_are_a_list_with_an_end() -> None:
    error = InvalidSettings([Fault((f"a{n}",), "missing") for n in range(60)])
    lines = error.message.splitlines()
    assert lines[0] == "60 faults in the configuration:"
    assert lines[1] == "  - a0 - missing"
    assert lines[-1] == "  - ... and 10 more"
    assert len(error.faults) == 60


def test_names_of_secrets_stay_readable_in_messages() -> None:
    error = InvalidSettings([Fault(("accounts", "default", "api_key"), "missing"), Fault((), "x", "variable API_KEY")])
    assert "accounts.default.api_key - missing" in error.message
    assert "variable API_KEY - x" in error.message


def test_the_error_survives_pickling() -> None:
    error = InvalidSettings([Fault(("a", 1), "missing", "f:2")])
    restored = pickle.loads(pickle.dumps(error))
    assert restored.faults == error.faults
    assert str(restored) == str(error)


def test_odd_names_are_quoted_and_cut() -> None:
    assert dotted(("exchanges", "gate-io", 3, "a b", "x" * 100, "\n")) == (
        f"exchanges.gate-io.3.'a b'.'{'x' * 60}'.'\\n'"
    )


def test_nearest_name() -> None:
    assert nearest("profle", ["profile", "enabled"]) == "; did you mean 'profile'?"
    assert nearest("xyz", ["profile"]) == ""


def test_what_to_install() -> None:
    assert not_installed("mexc", []).endswith("(installed: none) To install it, run 'pip install cex-exchanges-mexc'")
    assert "did you mean 'mexc'? To install it, run 'pip install cex-exchanges-mexc'" in not_installed(
        "mxec", ["gateio"]
    )
    assert not_installed("gatio", ["gateio"]).endswith("did you mean 'gateio'?")
    assert "pip install cex-exchanges-kraken" in not_installed("kraken", ["gateio"])
    assert "pip" not in not_installed("$(rm -rf)", [])


def test_the_type_of_a_setting(venue_type: type[BaseExchangeConfig]) -> None:
    assert setting_type(venue_type, ("network", "read_timeout")) is float
    assert setting_type(venue_type, ("endpoints", "rest")) is str
    assert setting_type(venue_type, ("unknown",)) is None
    assert setting_type(venue_type, ("depth", "inner")) is None
    assert is_secret(venue_type, ("accounts", "any", "secret_key"))
    assert is_secret(venue_type, ("network", "proxy"))
    assert not is_secret(venue_type, ("profile",))


def test_what_was_found_is_shown_only_where_it_is_harmless(venue_type: type[BaseExchangeConfig]) -> None:
    assert shown(venue_type, ("profile",), "lve") == "'lve'"
    assert shown(venue_type, ("profile",), "x" * 500) == "'" + "x" * 56 + "..."
    assert shown(venue_type, ("enabled",), True) == "true"
    assert shown(venue_type, ("depth",), 10**100) == "a very large number"
    assert shown(venue_type, ("depth",), {"a": "canary"}) == "a table"
    assert shown(venue_type, ("depth",), ["canary"]) == "a list"
    assert shown(venue_type, ("depth",), None) == "nothing"
    for path in (("unknown",), ("accounts", "a", "api_key"), ("network", "proxy"), ("accounts",)):
        assert "canary" not in shown(venue_type, path, "canary")
    assert "canary" not in shown(venue_type, ("endpoints", "rest"), "https://me:canary@host")
