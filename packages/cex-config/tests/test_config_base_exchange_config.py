from __future__ import annotations

import copy
import pickle

import pytest
from pydantic import SecretStr

from cex.common.exceptions import ConfigurationException
from cex.common.redaction import redact
from cex.config import CUSTOM_PROFILE, AccountConfig, BaseExchangeConfig, InvalidSettings
from cex.config.infrastructure.network_config import ProxyUrl

KEY, SECRET = "canary-api-key-1234", "canary-secret-key-5678"


@pytest.fixture
def account() -> AccountConfig:
    return AccountConfig(api_key=SecretStr(KEY), secret_key=SecretStr(SECRET))


def test_defaults_are_the_live_addresses(venue_type: type[BaseExchangeConfig]) -> None:
    config = venue_type()
    assert config.enabled
    assert config.profile == "live"
    assert config.endpoint("rest") == "https://api.venue.example"
    assert config.endpoint("stream") == "wss://ws.venue.example/v1/"


def test_another_profile_has_its_own_addresses(venue_type: type[BaseExchangeConfig]) -> None:
    config = venue_type(profile="testnet")
    assert config.endpoint("rest") == "https://test.venue.example"
    with pytest.raises(ConfigurationException, match=r"profile 'testnet' has no endpoint 'stream'.*endpoints\.stream"):
        config.endpoint("stream")


def test_an_override_comes_before_the_profile(venue_type: type[BaseExchangeConfig]) -> None:
    config = venue_type(endpoints={"rest": "http://127.0.0.1:8080/base"})
    assert config.endpoint("rest") == "http://127.0.0.1:8080/base"
    assert config.endpoint("stream") == "wss://ws.venue.example/v1/"


def test_the_custom_profile_has_only_what_is_given(venue_type: type[BaseExchangeConfig]) -> None:
    config = venue_type(profile=CUSTOM_PROFILE, endpoints={"rest": "http://127.0.0.1:8080"})
    assert config.endpoint("rest") == "http://127.0.0.1:8080"
    with pytest.raises(ConfigurationException, match="has no endpoint 'stream'"):
        config.endpoint("stream")


def test_an_unknown_endpoint_names_the_nearest(venue_type: type[BaseExchangeConfig]) -> None:
    with pytest.raises(ConfigurationException, match=r"known: rest, stream; did you mean 'stream'\?"):
        venue_type().endpoint("steam")


@pytest.mark.parametrize(
    ("endpoints", "told"),
    [
        ({"rset": "https://a"}, "did you mean 'rest'"),
        ({"rest": "wss://a"}, "expected a REST address"),
        ({"rest": "ftp://a"}, "found 'ftp://a'"),
        ({"rest": "https://"}, "http://host or https://host"),
        ({"rest": "https://a:99999"}, "expected a REST address"),
        ({"rest": "https://["}, "expected a REST address"),
        ({"rest": "https://a b"}, "without user name or blanks"),
        ({"rest": f"https://me:{SECRET}@a"}, "a URL with a user name"),
        ({"stream": "https://a"}, "expected a WebSocket address, ws://host or wss://host"),
        ({"stream": ""}, "expected a WebSocket address"),
    ],
)
def test_addresses_are_checked(venue_type: type[BaseExchangeConfig], endpoints: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        venue_type(endpoints=endpoints)
    assert told in str(caught.value)
    assert SECRET not in str(caught.value)
    assert [fault.path for fault in caught.value.faults] == [("endpoints", *endpoints)]


def test_two_bad_addresses_are_two_faults(venue_type: type[BaseExchangeConfig]) -> None:
    with pytest.raises(InvalidSettings) as caught:
        venue_type(endpoints={"rest": "x", "stream": "y"}, profile="tesnet")
    assert {fault.path for fault in caught.value.faults} == {
        ("endpoints", "rest"),
        ("endpoints", "stream"),
        ("profile",),
    }
    assert "expected one of live, testnet, custom; did you mean 'testnet'?" in str(caught.value)


def test_accounts_by_label(venue_type: type[BaseExchangeConfig], account: AccountConfig) -> None:
    config = venue_type(accounts={"default": account, "sub_2": account})
    assert config.account() is config.account("default")
    assert config.account("sub_2") == account
    with pytest.raises(TypeError, match="frozen"):
        config.accounts["third"] = account


def test_a_missing_account_tells_what_to_set(venue_type: type[BaseExchangeConfig], account: AccountConfig) -> None:
    with pytest.raises(ConfigurationException) as caught:
        venue_type(accounts={"main": account}).account("man")
    assert "venue: no account 'man' (configured: main; did you mean 'main'?)" in str(caught.value)
    assert "CEX__EXCHANGES__VENUE__ACCOUNTS__MAN__API_KEY" in str(caught.value)


@pytest.mark.parametrize("label", ["", "Main", "a__b", "_a", "a-b", "ä", "a" * 33, "a b"])
def test_labels_can_be_written_as_variables(
    venue_type: type[BaseExchangeConfig], account: AccountConfig, label: str
) -> None:
    with pytest.raises(InvalidSettings, match="a label is lower-case"):
        venue_type(accounts={label: account})


@pytest.mark.parametrize("text", ["", " ", f"{SECRET}\n", f"{SECRET} {KEY}", f"{SECRET}\u200b"])
def test_a_credential_that_cannot_work_is_refused_unseen(text: str) -> None:
    with pytest.raises(InvalidSettings, match="expected a credential without blanks") as caught:
        AccountConfig(api_key=SecretStr(KEY), secret_key=SecretStr(text))
    assert "canary" not in str(caught.value)


def test_a_number_as_credential_asks_for_quotes() -> None:
    with pytest.raises(InvalidSettings, match="put it in quotes") as caught:
        AccountConfig(api_key=98765432123, secret_key=SecretStr(SECRET))  # type: ignore[arg-type]
    assert "98765432123" not in str(caught.value)


def test_credentials_are_for_the_signer_and_never_print(account: AccountConfig) -> None:
    api_key, secret_key = account.credentials()
    assert api_key.reveal() == KEY
    assert secret_key.reveal() == SECRET
    for text in (repr(account), str(account), account.model_dump_json(), repr(account.model_dump()), repr([account])):
        assert "canary" not in text


def test_text_that_holds_a_configured_secret_is_masked(account: AccountConfig) -> None:
    assert redact(f"the server said {SECRET!r}") == "the server said '***'"
    assert account.credentials()


def test_settings_with_accounts_do_not_pickle_but_copy(
    venue_type: type[BaseExchangeConfig], account: AccountConfig
) -> None:
    config = venue_type(accounts={"default": account})
    assert copy.deepcopy(config) == config
    assert config.model_copy(deep=True).account() == account
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(config)


def test_an_account_withdraws_nothing_unless_it_is_said(account: AccountConfig) -> None:
    assert account.withdrawals is False
    allowed = AccountConfig(api_key=SecretStr(KEY), secret_key=SecretStr(SECRET), withdrawals=True)
    assert allowed.withdrawals is True


def test_an_account_may_have_a_proxy_of_its_own_whose_password_never_prints() -> None:
    proxied = AccountConfig.model_validate(
        {"api_key": KEY, "secret_key": SECRET, "proxy": "http://me:canary-proxy@127.0.0.1:3128"}
    )
    assert proxied.proxy is not None
    assert proxied.proxy.get_secret_value().endswith(":3128")
    assert "canary" not in repr(proxied)
    with pytest.raises(InvalidSettings, match="URL like"):
        AccountConfig(api_key=SecretStr(KEY), secret_key=SecretStr(SECRET), proxy=ProxyUrl("socks5://127.0.0.1"))
