from __future__ import annotations

import pytest
from pydantic import SecretStr

from cex.common.constants import network_constants
from cex.config import DatabaseConfig, InvalidSettings, LoggingConfig, NetworkConfig
from cex.config.infrastructure.logging_config import LogFormat, LogLevel
from cex.config.infrastructure.network_config import ProxyUrl
from cex.config.infrastructure.security_config import SecurityConfig


def test_network_defaults_are_the_common_constants() -> None:
    network = NetworkConfig()
    assert network.connect_timeout == network_constants.CONNECT_TIMEOUT_S
    assert network.read_timeout == network_constants.READ_TIMEOUT_S
    assert network.total_timeout == network_constants.TOTAL_TIMEOUT_S
    assert network.reconnect_first == network_constants.RECONNECT_FIRST_S
    assert network.reconnect_most == network_constants.RECONNECT_MAX_S
    assert network.connects_per_minute == network_constants.MAX_CONNECTS_PER_HOST_PER_MINUTE
    assert network.subscribe_timeout == network_constants.SUBSCRIBE_TIMEOUT_S
    assert network.proxy is None


def test_a_proxy_shows_its_host_and_hides_its_password() -> None:
    network = NetworkConfig(proxy=ProxyUrl("http://me:canary-pw@proxy.example:3128"))
    assert network.proxy is not None
    assert network.proxy.get_secret_value() == "http://me:canary-pw@proxy.example:3128"
    for text in (repr(network), str(network.proxy), network.model_dump_json(), repr(network.model_dump())):
        assert "proxy.example:3128" in text
        assert "canary" not in text


def test_an_empty_proxy_is_none() -> None:
    assert NetworkConfig(proxy="").proxy is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "proxy", ["proxy.example:3128", "socks5://h:1", "http://", "http://canary-pw@:1", "http://h:x"]
)
def test_an_unfit_proxy_is_refused_unseen(proxy: str) -> None:
    with pytest.raises(InvalidSettings, match="expected a URL like http://") as caught:
        NetworkConfig(proxy=ProxyUrl(proxy))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("name", ["retry", "reconnect"])
def test_the_longest_pause_is_not_below_the_first(name: str) -> None:
    with pytest.raises(InvalidSettings, match=f"at least {name}_first, which is 6"):
        NetworkConfig(**{f"{name}_first": 6.0, f"{name}_most": 2.0})  # type: ignore[arg-type]
    with pytest.raises(InvalidSettings, match=f"{name}_most.*at least {name}_first, which is 60"):
        NetworkConfig(**{f"{name}_first": 60.0})  # type: ignore[arg-type]


def test_retries_are_bounded() -> None:
    assert NetworkConfig(retry_attempts=20).retry_attempts == 20
    with pytest.raises(InvalidSettings):
        NetworkConfig(retry_attempts=21)


def test_logging_settings() -> None:
    config = LoggingConfig(level=LogLevel.DEBUG, format=LogFormat.JSON, levels={"cex.networking": LogLevel.ERROR})
    assert config.level == "DEBUG"
    assert LoggingConfig().level == "WARNING"
    with pytest.raises(InvalidSettings, match="'DEBUG', 'INFO'"):
        LoggingConfig(level="LOUD")  # type: ignore[arg-type]


def test_a_database_url_is_a_secret() -> None:
    config = DatabaseConfig(url=SecretStr("postgresql://me:canary@host/name"))
    assert config.url is not None
    assert "canary" not in repr(config) + config.model_dump_json()
    with pytest.raises(InvalidSettings, match="expected a URL such as") as caught:
        DatabaseConfig(url=SecretStr("canary"))
    assert "canary" not in str(caught.value)


def test_what_nobody_reads_says_so() -> None:
    for config_type in (DatabaseConfig, LoggingConfig):
        assert all("not yet used" in meaning for meaning in config_type.field_help().values())
    assert not any("not yet used" in meaning for meaning in NetworkConfig.field_help().values())


def test_plain_text_secrets_are_not_allowed_unless_told() -> None:
    assert SecurityConfig().allow_plaintext_secrets is False
