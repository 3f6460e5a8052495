from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cex.sandbox.accounts.directory import Account, ApiKey, Directory, Permission
from cex.sandbox.accounts.ledger import Ledger
from cex.sandbox.venues.mexc.errors import Refused
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.params import Params
from cex.sandbox.venues.mexc.signing import authenticate, signature_of, signed_total

KEY, SECRET = "mx0aBYs33eIilxBWC5", "45d0b3c26f2644f19bfb98b07741b2f5"
NOW = 1_644_489_390_087
LISTEN_KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
BATCH = (
    "batchOrders=%5B%7B%22type%22%3A%22LIMIT%22%2C%22price%22%3A%2240000%22%2C%22quantity%22%3A%220.0002%22%2C"
    "%22symbol%22%3A%22BTCUSDT%22%2C%22side%22%3A%22BUY%22%7D%5D&timestamp=1644489390087"
)

# (query, body, signature): the second is printed in the official documentation, the others follow from its key.
EXAMPLES = [
    (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=11&recvWindow=5000&timestamp=1644489390087",
        "",
        "fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a",
    ),
    (
        "symbol=BTCUSDT&side=BUY&type=LIMIT",
        "quantity=1&price=11&recvWindow=5000&timestamp=1644489390087",
        "d1a676610ceb39174c8039b3f548357994b2a34139a8addd33baadba65684592",
    ),
    ("timestamp=1644489390087", "", "09b4b5a40aeec864d2caa60f2e6a740b61dc423d76c5615c00fd72681f52a094"),
    (BATCH, "", "d2103deef144259d8065be1fba69472a76735f6c1938633f1ba14f5c7e2768c5"),
    (
        f"listenKey={LISTEN_KEY}&timestamp=1644489390087",
        "",
        "42926b31ac527c30f62c2d5c0a96a7f6cee17e54e8b2a5ef25ebb570ac39cdec",
    ),
]


@pytest.fixture
def directory() -> Directory:
    directory = Directory(Ledger())
    readonly = ApiKey("mx0vReadOnly01", "quiet", permissions=frozenset({Permission.READ}))
    bound = ApiKey("mx0vBound00001", "bound", ips=("10.0.0.7",))
    directory.add(Account(7, "main", keys=(ApiKey(KEY, SECRET), readonly, bound)))
    return directory


def ask(directory: Directory, query: str, body: str = "", **changes: Any) -> int:
    options = changes.pop("options", MexcOptions())
    asked: dict[str, Any] = {
        "key": KEY,
        "ip": "127.0.0.1",
        "now_ms": NOW,
        "permission": Permission.READ,
        **changes,
    }
    raw, raw_body = query.encode(), body.encode()
    account, _ = authenticate(
        directory, query=raw, body=raw_body, params=Params(raw, raw_body), options=options, **asked
    )
    return account.uid


def signed(query: str, secret: str = SECRET) -> str:
    return f"{query}&signature={signature_of(secret, query.encode())}"


def refusal(directory: Directory, query: str, **changes: Any) -> tuple[int, int | str]:
    with pytest.raises(Refused) as caught:
        ask(directory, query, **changes)
    return caught.value.status, caught.value.code


@pytest.mark.parametrize(("query", "body", "signature"), EXAMPLES)
def test_the_documented_signatures_come_out(query: str, body: str, signature: str) -> None:
    assert signature_of(SECRET, (query + body).encode()) == signature
    assert signed_total(f"{query}&signature={signature}".encode(), body.encode()) == (
        (query + body).encode(),
        signature,
    )


@pytest.mark.parametrize(("query", "body", "signature"), EXAMPLES)
def test_the_documented_examples_are_accepted(directory: Directory, query: str, body: str, signature: str) -> None:
    assert ask(directory, f"{query}&signature={signature}", body) == 7
    if body:
        assert ask(directory, query, f"{body}&signature={signature}") == 7


def test_the_signature_printed_in_the_documentation_for_the_first_example_is_an_error_there() -> None:
    assert not signature_of(SECRET, EXAMPLES[0][0].encode()).startswith("323c96ab")


def test_the_signature_may_stand_anywhere(directory: Directory) -> None:
    query = f"timestamp={NOW}&recvWindow=100"
    signature = signature_of(SECRET, query.encode())
    assert ask(directory, f"timestamp={NOW}&signature={signature}&recvWindow=100") == 7


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (f"timestamp={NOW}", 700002),
        (f"timestamp={NOW}&signature=", 700002),
        (
            signed(f"timestamp={NOW}").upper().replace("TIMESTAMP", "timestamp").replace("SIGNATURE", "signature"),
            700002,
        ),
        (signed(f"timestamp={NOW}", "another secret"), 700002),
        (signed(f"timestamp={NOW}") + "&symbol=BTCUSDT", 700002),
        (signed(f"symbol=A%2cB&timestamp={NOW}"), 700002),
        (signed(f"symbol=%e9%be%99&timestamp={NOW}"), 700002),
        (signed(f"remark=two+words&timestamp={NOW}"), 700002),
        (signed(f"timestamp={NOW}&signature=x"), 700002),
        (signed(f"timestamp={NOW - 5001}"), 700003),
        (signed(f"timestamp={NOW + 1000}"), 700003),
        (signed(f"timestamp={NOW - 61_000}&recvWindow=60000"), 700003),
        (signed(f"timestamp={NOW}&recvWindow=60001"), 700005),
        (signed("symbol=BTCUSDT"), 44444),
        (signed("timestamp=now"), 33333),
        (signed(f"timestamp={NOW}&recvWindow=-1"), 33333),
    ],
)
def test_what_is_wrong_with_a_request_is_told(directory: Directory, query: str, code: int) -> None:
    assert refusal(directory, query) == (400, code)


@pytest.mark.parametrize(
    "query",
    [
        signed(f"timestamp={NOW - 5000}"),
        signed(f"timestamp={NOW + 999}"),
        signed(f"timestamp={NOW - 60_000}&recvWindow=60000"),
        signed(f"symbol=A%2CB&timestamp={NOW}"),
        signed(f"symbol=A,B&timestamp={NOW}"),
        signed(f"symbol=%E9%BE%99%E8%99%BEUSDT&timestamp={NOW}"),
        signed(f"remark=two%20words&timestamp={NOW}"),
    ],
)
def test_what_is_right_passes(directory: Directory, query: str) -> None:
    assert ask(directory, query) == 7


def test_encodings_need_not_be_strict(directory: Directory) -> None:
    assert ask(directory, signed(f"symbol=A%2cB&timestamp={NOW}"), options=MexcOptions(strict_encoding=False)) == 7


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"key": None}, 400, 400),
        ({"key": ""}, 400, 400),
        ({"key": "no such-key!"}, 400, 700001),
        ({"key": "short"}, 400, 700001),
        ({"key": "mx0vNobodysKey"}, 400, 10072),
    ],
)
def test_keys_are_looked_at_before_the_signature(
    directory: Directory, changes: dict[str, Any], status: int, code: int
) -> None:
    assert refusal(directory, f"timestamp={NOW}", **changes) == (status, code)


def test_a_key_without_the_permission_is_forbidden(directory: Directory) -> None:
    query = signed(f"timestamp={NOW}", "quiet")
    assert ask(directory, query, key="mx0vReadOnly01") == 7
    for permission in (Permission.TRADE, Permission.WITHDRAW):
        assert refusal(directory, query, key="mx0vReadOnly01", permission=permission) == (403, 700007)


def test_a_bound_key_works_from_its_own_addresses_only(directory: Directory) -> None:
    query = signed(f"timestamp={NOW}", "bound")
    assert ask(directory, query, key="mx0vBound00001", ip="10.0.0.7") == 7
    assert refusal(directory, query, key="mx0vBound00001", ip="10.0.0.8") == (400, 700006)


def test_the_query_wins_over_the_body() -> None:
    params = Params(b"symbol=A&side=", b"symbol=B&side=BUY&quantity=1e-3")
    assert params.text("symbol") == "A"
    assert params.text("side") is None
    assert params.decimal("quantity") == Decimal("0.001")


@pytest.mark.parametrize("raw", [b"symbol=%ff", b"symbol=\xff", b"%ff=1", b"symbol=%e9%be"])
def test_what_is_not_text_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused) as caught:
        Params(raw)
    assert caught.value.code == 33333


@pytest.mark.parametrize("text", ["", "one", "1,5", "NaN", "Infinity", "1e99", "--1", "0x10", "1" * 40, "١"])
def test_odd_numbers_are_refused(text: str) -> None:
    params = Params(b"", f"quantity={text}".encode())
    if not text:
        assert params.decimal("quantity") is None
        return
    with pytest.raises(Refused):
        params.decimal("quantity")
