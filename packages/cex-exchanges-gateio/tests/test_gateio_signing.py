"""The signed requests of the documentation, byte for byte."""

from __future__ import annotations

import pytest

from cex.common.redaction import Secret
from cex.exchanges.gateio.signing import GateioSigner, GateioStreamSigner
from cex.networking.requests import RestRequest

KEY, SECRET = Secret("key-of-the-example"), Secret("secret")
URL = "https://api.gateio.ws/api/v4"

# https://www.gate.com/docs/developers/apiv4/en/, "APIv4 signed request requirements"; the first two are the official
# examples, the others follow its formula.
REST = [
    (
        RestRequest(
            "GET",
            "/futures/orders",
            "open_orders",
            params={"contract": "BTC_USD", "status": "finished", "limit": "50"},
            signed=True,
        ),
        1541993715,
        (
            "55f84ea195d6fe57ce62464daaa7c3c02fa9d1dde954e4c898289c9a2407a3d6"
            "fb3faf24deff16790d726b66ac9f74526668b13bd01029199cc4fcc522418b8a"
        ),
    ),
    (
        RestRequest(
            "POST",
            "/futures/orders",
            "place_order",
            body=b'{"contract":"BTC_USD","type":"limit","size":100,"price":6800,"time_in_force":"gtc"}',
            signed=True,
        ),
        1541993715,
        (
            "eae42da914a590ddf727473aff25fc87d50b64783941061f47a3fdb92742541f"
            "c4c2c14017581b4199a1418d54471c269c03a38d788d802e2c306c37636389f0"
        ),
    ),
    (
        RestRequest(
            "POST",
            "/spot/orders",
            "place_order",
            body=b'{"text":"t-abc123","currency_pair":"BTC_USDT","type":"limit","account":"spot","side":"buy",'
            b'"amount":"0.001","price":"65000","time_in_force":"gtc"}',
            signed=True,
        ),
        1700000000,
        (
            "3525d0ef40402287e5e2983698d75a4f99f2a80f1bc0e22e35ec54f986890bdf"
            "22799c3b6d252a09515c54b7cc730c4b2893d6d337ce4a43f69b39a05af258a2"
        ),
    ),
    (
        RestRequest(
            "DELETE", "/spot/orders/12332324", "cancel_order", params={"currency_pair": "BTC_USDT"}, signed=True
        ),
        1700000000,
        (
            "ec17c580a959d781ed252b0660a20e5c10a8a63c7553fa1b6c94593c2c769631"
            "daa6226dab6b790f476d0bbbba4ef575776709c5ed0350f38fccf37cbe1a612d"
        ),
    ),
    (
        RestRequest(
            "POST",
            "/futures/usdt/positions/BTC_USDT/leverage",
            "set_leverage",
            params={"leverage": "10"},
            signed=True,
        ),
        1700000000,
        (
            "df127117568fdaede6a915a01cefbaf731cd1f38be382b923ef9c6dfe5986b96"
            "4c070efec57004d77d0e25388779b9b134e76a5c04e7563c7eb1aacab1eb3715"
        ),
    ),
]


@pytest.mark.parametrize(("request_", "time_s", "signature"), REST, ids=lambda value: getattr(value, "endpoint", ""))
def test_rest(request_: RestRequest, time_s: int, signature: str) -> None:
    signed = GateioSigner(KEY, SECRET, URL).sign(request_, time_s * 10**9 + 999_999_999)
    assert dict(signed.headers) == {"KEY": "key-of-the-example", "Timestamp": str(time_s), "SIGN": signature}
    assert (signed.method, signed.path, signed.query, signed.body) == (
        request_.method,
        request_.path,
        request_.query,
        request_.body,
    )
    assert "SIGN" not in request_.headers


def test_what_is_signed_is_the_query_before_it_is_encoded() -> None:
    """A signature over ``BTC%2CGT`` is refused (gateio/gateapi-python#83)."""
    request = RestRequest("GET", "/spot/batch_fee", "fees", params={"currency_pairs": "BTC_USDT,GT_USDT"}, signed=True)
    signed = GateioSigner(KEY, SECRET, URL).sign(request, 1_700_000_000 * 10**9)
    assert signed.query == "currency_pairs=BTC_USDT%2CGT_USDT"
    assert signed.headers["SIGN"] == (
        "fac2228cb7e77deec87d33f3afb1a059f983d0bf6eb1ff3cc29778c6c65161cb"
        "b75e96d7f943d4103bffdfb0c76a68471a2a67e8054c03d52b951dabff986139"
    )


def test_the_path_of_the_base_url_is_signed() -> None:
    request = REST[3][0]
    behind = GateioSigner(KEY, SECRET, "http://127.0.0.1:8080/gate/api/v4/").sign(request, 1_700_000_000 * 10**9)
    assert behind.headers["SIGN"] != REST[3][2]
    direct = GateioSigner(KEY, SECRET, "http://127.0.0.1:8080/api/v4/").sign(request, 1_700_000_000 * 10**9)
    assert direct.headers["SIGN"] == REST[3][2]


def test_seconds_of_validity_become_the_moment_when_they_are_over() -> None:
    request = RestRequest("POST", "/spot/orders", "place_order", headers={"X-Gate-Exptime": "2.5"}, signed=True)
    signed = GateioSigner(KEY, SECRET, URL).sign(request, 1_700_000_000_123_456_789)
    assert signed.headers["X-Gate-Exptime"] == "1700000002623"


@pytest.mark.parametrize(
    ("channel", "signature"),
    [
        (
            "spot.orders",
            (
                "0dc17b76097b2726573e30bde2a792ce238bbd452f414d949a5f71d5bf1dd50e"
                "8e8166a762af6614f0228360882c6e35df2ac39ed0eba1be8b02d9ca1ec9c6c9"
            ),
        ),
        (
            "futures.orders",
            (
                "e40a0260c1d090a7b5f60f6171dfc3d9ca6a1b1dd6abfd8e92347bad5e134af7"
                "7fb03930eff122f7f72cdcb3c41898a16dbf1ee7089615f540c11b12c19b6d04"
            ),
        ),
    ],
)
def test_private_channel(channel: str, signature: str) -> None:
    auth = GateioStreamSigner(KEY, SECRET).auth(channel, "subscribe", 1700000000)
    assert auth == {"method": "api_key", "KEY": "key-of-the-example", "SIGN": signature}


@pytest.mark.parametrize(
    ("channel", "signature"),
    [
        (
            "spot.login",
            (
                "fda6efd05e40791f1059365daecc597f520349bd009ecaa64454e137d73a181e"
                "6bcdeb466148db04b38adfc8800a2e46ab4e4ac02eee77a8a2a2ece43d6d720c"
            ),
        ),
        (
            "futures.login",
            (
                "f39035057b3528fc2c5aff4b9cfa9f43673c88d3ff823c55468608173205809999"
                "a8b45d7ed898ebf49c15a4f6e5131de175ded143be5eeb58431f600e1d4085"
            ),
        ),
    ],
)
def test_login_of_the_order_api(channel: str, signature: str) -> None:
    login = GateioStreamSigner(KEY, SECRET).login(channel, 1700000000)
    assert login == {"api_key": "key-of-the-example", "signature": signature, "timestamp": "1700000000"}


def test_no_signer_prints_its_key() -> None:
    shown = repr(GateioSigner(KEY, SECRET, URL)) + repr(GateioStreamSigner(KEY, SECRET))
    assert "key-of" not in shown
    assert "secret" not in shown
