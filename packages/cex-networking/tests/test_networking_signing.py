from __future__ import annotations

import pytest

from cex.common.exceptions import ConfigurationException
from cex.networking.signing import is_loopback, require_secure


@pytest.mark.parametrize(
    "url",
    [
        "https://api.mexc.com",
        "wss://wbs-api.mexc.com/ws",
        "http://127.0.0.1:8080/api",
        "http://127.9.8.7",
        "http://[::1]:80/",
        "ws://localhost:1/",
        "http://venue.localhost/",
        "http://LOCALHOST./",
    ],
)
def test_tls_or_this_machine_is_safe(url: str) -> None:
    require_secure(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.mexc.com",
        "ws://wbs-api.mexc.com/ws",
        "http://127.0.0.1.evil.test/",
        "http://localhost.evil.test/",
        "http://notlocalhost/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://127.0.0.1@evil.test/",
        "ftp://api.mexc.com",
        "api.mexc.com",
        "",
    ],
)
def test_plain_text_to_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationException, match="a key is never sent without TLS"):
        require_secure(url)


def test_the_refusal_says_what_to_do_and_hides_the_rest() -> None:
    with pytest.raises(ConfigurationException) as caught:
        require_secure("ws://user:canary@stream.test/ws?listenKey=canary")
    assert "use wss://" in str(caught.value)
    assert "stream.test" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_an_unspecified_address_is_not_loopback() -> None:
    assert is_loopback("127.0.0.1")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("")
