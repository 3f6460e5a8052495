from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from cex.sandbox.accounts.directory import Account, ApiKey, Permission
from cex.sandbox.accounts.ledger import FUTURES_USDT, SPOT

Make = Callable[..., Awaitable[Any]]
NOW = 1644489390087
DAY = 86_400


@pytest.fixture
async def mexc(own_mexc: Make) -> Any:
    return await own_mexc()


# --- the account -----------------------------------------------------------------------------------------------------


async def test_balances_of_what_is_held(mexc: Any) -> None:
    await mexc.call("POST", "order", symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="1", price="11")
    assert (await mexc.call("GET", "account")).body == {
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "updateTime": None,
        "accountType": "SPOT",
        "balances": [
            {"asset": "USDT", "free": "99989", "locked": "11"},
            {"asset": "BTC", "free": "2", "locked": "0"},
            {"asset": "ETH", "free": "20", "locked": "0"},
        ],
        "permissions": ["SPOT"],
    }


async def test_what_a_key_may_do_shows(mexc: Any) -> None:
    key = ApiKey("mx0vReadOnly01", "quiet", permissions=frozenset({Permission.READ}))
    mexc.directory.add_key(mexc.account, key)
    body = (await mexc.call("GET", "account", key=(key.key, key.secret))).body
    assert (body["canTrade"], body["canWithdraw"]) == (False, False)


async def test_fees_are_numbers(mexc: Any) -> None:
    body = (await mexc.call("GET", "tradeFee", symbol="BTCUSDT")).body
    assert body == {
        "data": {"makerCommission": 0.0, "takerCommission": 0.0005},
        "code": 0,
        "msg": "success",
        "timestamp": NOW,
    }
    mexc.account.fee_rates[""] = (Decimal("0.0002"), Decimal("0.0004"))
    data = (await mexc.call("GET", "tradeFee", symbol="ETHUSDT")).body["data"]
    assert data == {"makerCommission": 0.0002, "takerCommission": 0.0004}
    assert (await mexc.call("GET", "tradeFee", symbol="NOPE")).body["code"] == -1121


async def test_small_facts(mexc: Any) -> None:
    assert (await mexc.call("GET", "uid")).body == {"uid": "10000001"}
    assert (await mexc.call("GET", "kyc/status")).body == {"status": "3"}
    body = (await mexc.call("GET", "selfSymbols")).body
    assert body == {"code": 200, "data": ["BTCUSDT", "ETHUSDT", "LUNCUSDT"], "msg": None}


async def test_fee_deduction_is_a_switch(mexc: Any) -> None:
    for method, params, expected in (
        ("GET", {}, False),
        ("POST", {"mxDeductEnable": "true"}, True),
        ("GET", {}, True),
        ("POST", {"mxDeductEnable": "false"}, False),
    ):
        body = (await mexc.call(method, "mxDeduct/enable", **params)).body
        assert body == {"data": {"mxDeductEnable": expected}, "code": 0, "msg": "success", "timestamp": NOW}
    assert (await mexc.call("POST", "mxDeduct/enable")).body["code"] == 44444
    assert (await mexc.call("POST", "mxDeduct/enable", mxDeductEnable="yes")).body["code"] == 33333


# --- coins, deposits, withdrawals ------------------------------------------------------------------------------------


async def test_coins_and_their_networks(mexc: Any) -> None:
    coins = {coin["coin"]: coin for coin in (await mexc.call("GET", "capital/config/getall")).body}
    assert list(coins) == ["USDT", "BTC", "ETH", "XRP"]
    tron = coins["USDT"]["networkList"][0]
    assert (tron["network"], tron["netWork"]) == ("Tron(TRC20)", "TRX")
    assert tron["withdrawFee"] == "1.000000000000000000"
    assert tron["contract"] == "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
    assert (tron["withdrawEnable"], tron["withdrawTips"]) == (True, None)
    assert coins["XRP"]["networkList"][0]["withdrawTips"] == "Both a MEMO and an Address are required."


async def test_a_deposit_arrives_after_its_confirmations(mexc: Any) -> None:
    addresses = (await mexc.call("GET", "capital/deposit/address", coin="USDT")).body
    assert [address["network"] for address in addresses] == ["Tron(TRC20)", "Ethereum(ERC20)"]
    made = (await mexc.call("POST", "capital/deposit/address", coin="USDT", network="TRX")).body
    assert made == addresses[:1]
    assert made[0]["memo"] is None
    (one,) = (await mexc.call("GET", "capital/deposit/address", coin="XRP", network="XRP")).body
    assert one["memo"]
    mexc.wallet.deposit(mexc.account, "USDT", Decimal(500))
    (record,) = (await mexc.call("GET", "capital/deposit/hisrec", coin="USDT")).body
    assert (record["status"], record["amount"], record["network"]) == (4, "500", "Tron(TRC20)")
    assert (record["confirmTimes"], record["unlockConfirm"]) == ("0", "12")
    assert record["txId"].endswith(":0")
    mexc.clock.advance(60)
    mexc.tick()
    (record,) = (await mexc.call("GET", "capital/deposit/hisrec", status=5)).body
    assert (record["status"], record["confirmTimes"], record["insertTime"]) == (5, "12", NOW)
    assert (await mexc.call("GET", "capital/deposit/hisrec", status=4)).body == []
    assert (await mexc.call("GET", "capital/deposit/hisrec", coin="BTC")).body == []
    assert mexc.ledger.holding(mexc.account.uid, SPOT, "USDT").free == 100_500


async def test_a_withdrawal_from_request_to_success(mexc: Any) -> None:
    request = {"coin": "USDT", "address": "TArGWdTApuuZtiWMjupXqbZqQYsBTy126o", "amount": "100", "netWork": "TRX"}
    answer = await mexc.call("POST", "capital/withdraw", **request, withdrawOrderId="w1", remark="rent")
    identity = answer.body["id"]
    assert len(identity) == 32
    (record,) = (await mexc.call("GET", "capital/withdraw/history", coin="USDT")).body
    assert record["id"] == identity
    assert (record["status"], record["txId"], record["transferType"]) == (1, None, 0)
    assert (record["amount"], record["transactionFee"], record["remark"]) == ("100", "1", "rent")
    assert record["withdrawOrderId"] == "w1"
    assert mexc.ledger.holding(mexc.account.uid, SPOT, "USDT").locked == 101
    for seconds, status in ((6, 4), (5, 6), (60, 7)):
        mexc.clock.advance(seconds)
        mexc.tick()
        (record,) = (await mexc.call("GET", "capital/withdraw/history", status=status)).body
    assert record["txId"] == record["transHash"] != ""
    assert mexc.ledger.holding(mexc.account.uid, SPOT, "USDT") == (Decimal(99_899), Decimal(0))
    late = await mexc.call("DELETE", "capital/withdraw", id=identity)
    assert (late.status, late.body["code"]) == (400, 26)


async def test_a_withdrawal_in_the_old_form_is_cancelled(mexc: Any) -> None:
    request = {"coin": "USDT", "address": "TArGWdTApuuZtiWMjupXqbZqQYsBTy126o", "amount": "100", "network": "TRX"}
    (answer,) = (await mexc.call("POST", "capital/withdraw/apply", **request)).body
    assert (await mexc.call("DELETE", "capital/withdraw", id=answer["id"])).body == answer
    (record,) = (await mexc.call("GET", "capital/withdraw/history")).body
    assert record["status"] == 9
    for unknown in ("0" * 32, "nothing", "ABCDEF0123456789ABCDEF0123456789"):
        assert (await mexc.call("DELETE", "capital/withdraw", id=unknown)).body["code"] == 22222


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"coin": ""}, 10222),
        ({"coin": "NOPE"}, 10232),
        ({"amount": ""}, 10095),
        ({"amount": "0"}, 10102),
        ({"amount": "-5"}, 10102),
        ({"amount": "1"}, 10097),
        ({"amount": "100.0000001"}, 10096),
        ({"amount": "9999999"}, 10101),
        ({"netWork": "MARS"}, 33333),
        ({"address": ""}, 44444),
        ({"coin": "XRP", "netWork": "XRP"}, 10212),
    ],
)
async def test_what_is_refused_when_withdrawing(own_mexc: Make, changes: dict[str, str], code: int) -> None:
    request = {"coin": "USDT", "address": "TArGWdTApuuZtiWMjupXqbZqQYsBTy126o", "amount": "100", "netWork": "TRX"}
    asked = {name: value for name, value in {**request, **changes}.items() if value}
    mexc = await own_mexc()
    answer = await mexc.call("POST", "capital/withdraw", **asked)
    assert (answer.status, answer.body["code"]) == (400, code)
    newer = await own_mexc(wallet_refusals_with_200=True)
    answer = await newer.call("POST", "capital/withdraw", **asked)
    assert (answer.status, answer.body["code"]) == (
        400 if code in (33333, 44444) and "netWork" not in changes else 200,
        code,
    )


async def test_withdrawing_needs_the_permission(mexc: Any) -> None:
    key = ApiKey("mx0vTrader0001", "busy", permissions=frozenset({Permission.READ, Permission.TRADE}))
    mexc.directory.add_key(mexc.account, key)
    answer = await mexc.call("POST", "capital/withdraw", key=(key.key, key.secret), coin="USDT")
    assert (answer.status, answer.body["code"]) == (403, 700007)
    assert (await mexc.call("GET", "capital/withdraw/history", key=(key.key, key.secret))).body == []


async def test_known_addresses_by_page(mexc: Any) -> None:
    for number in range(3):
        mexc.wallet.allow_address(mexc.account, "USDT", "TRX", f"T{number}")
    body = (await mexc.call("GET", "capital/withdraw/address", coin="USDT", page=2, limit=2)).body
    assert (body["totalRecords"], body["page"], body["totalPageNum"]) == (3, 2, 2)
    assert body["data"] == [
        {"coin": "USDT", "network": "Tron(TRC20)", "address": "T2", "addressTag": None, "memo": None}
    ]
    assert (await mexc.call("GET", "capital/withdraw/address", coin="BTC")).body["data"] == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"startTime": NOW - 91 * DAY * 1000}, 400),
        ({"startTime": NOW - 8 * DAY * 1000}, 33333),
        ({"startTime": NOW - 30 * DAY * 1000, "endTime": NOW - 24 * DAY * 1000}, None),
        ({"startTime": "yesterday"}, 33333),
    ],
)
async def test_histories_have_windows(mexc: Any, params: dict[str, object], code: int | None) -> None:
    for path in ("withdraw/history", "deposit/hisrec"):
        answer = await mexc.call("GET", f"capital/{path}", **params)
        assert (answer.body == []) if code is None else (answer.body["code"] == code)


# --- transfers -------------------------------------------------------------------------------------------------------


async def test_between_the_wallets_of_one_account(mexc: Any) -> None:
    there = {"fromAccountType": "SPOT", "toAccountType": "FUTURES", "asset": "USDT"}
    (answer,) = (await mexc.call("POST", "capital/transfer", **there, amount="40.5")).body
    assert mexc.ledger.holding(mexc.account.uid, FUTURES_USDT, "USDT").free == Decimal("40.5")
    body = (await mexc.call("GET", "capital/transfer", fromAccountType="SPOT", toAccountType="FUTURES")).body
    assert body["total"] == 1
    assert body["rows"][0]["tranId"] == answer["tranId"]
    assert (await mexc.call("GET", "capital/transfer/tranId", tranId=answer["tranId"])).body == {
        "tranId": answer["tranId"],
        "clientTranId": None,
        "asset": "USDT",
        "amount": "40.5",
        "fromAccountType": "SPOT",
        "toAccountType": "FUTURES",
        "symbol": None,
        "status": "SUCCESS",
        "timestamp": NOW,
    }
    back = {"fromAccountType": "FUTURES", "toAccountType": "SPOT", "asset": "USDT"}
    assert (await mexc.call("POST", "capital/transfer", **back, amount="41")).body["code"] == 10101
    assert (await mexc.call("POST", "capital/transfer", **back, amount="40.5")).status == 200
    assert mexc.ledger.holding(mexc.account.uid, SPOT, "USDT").free == 100_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"toAccountType": "SPOT"}, 10103),
        ({"toAccountType": "MARGIN"}, 10103),
        ({"asset": "BTC"}, 10100),
        ({"asset": "NOPE"}, 10232),
        ({"amount": "0"}, 10102),
        ({"amount": "much"}, 33333),
        ({"fromAccountType": ""}, 44444),
    ],
)
async def test_what_is_refused_when_transferring(mexc: Any, changes: dict[str, str], code: int) -> None:
    request = {"fromAccountType": "SPOT", "toAccountType": "FUTURES", "asset": "USDT", "amount": "1", **changes}
    answer = await mexc.call("POST", "capital/transfer", **{name: text for name, text in request.items() if text})
    assert (answer.status, answer.body["code"]) == (400, code)


async def test_the_reply_of_a_transfer_may_be_bare(own_mexc: Make) -> None:
    mexc = await own_mexc(bare_transfer_reply=True)
    body = (
        await mexc.call(
            "POST", "capital/transfer", fromAccountType="SPOT", toAccountType="FUTURES", asset="USDT", amount="1"
        )
    ).body
    assert list(body) == ["tranId"]
    assert (await mexc.call("GET", "capital/transfer/tranId", tranId="f" * 32)).body["code"] == 22222


async def test_to_another_user(mexc: Any) -> None:
    other = mexc.directory.add(Account(20_000_002, "other", extra={"email": "other@example.org"}))
    pay = {"asset": "BTC", "amount": "0.5"}
    to_uid = await mexc.call("POST", "capital/transfer/internal", toAccountType="UID", toAccount="20000002", **pay)
    await mexc.call("POST", "capital/transfer/internal", toAccountType="EMAIL", toAccount="other@example.org", **pay)
    assert mexc.ledger.holding(other.uid, SPOT, "BTC").free == 1
    body = (await mexc.call("GET", "capital/transfer/internal")).body
    assert (body["totalRecords"], body["totalPageNum"]) == (2, 1)
    assert [entry["toAccount"] for entry in body["data"]] == ["other@example.org", "20000002"]
    one = (await mexc.call("GET", "capital/transfer/internal", tranId=to_uid.body["tranId"])).body["data"]
    assert one == [
        {
            "tranId": to_uid.body["tranId"],
            "asset": "BTC",
            "amount": "0.5",
            "toAccountType": "UID",
            "toAccount": "20000002",
            "fromAccount": "10000001",
            "status": "SUCCESS",
            "timestamp": NOW,
        }
    ]
    for kind, receiver, code in (("UID", "5", 10001), ("UID", "10000001", 10001), ("PIGEON", "5", 33333)):
        answer = await mexc.call("POST", "capital/transfer/internal", toAccountType=kind, toAccount=receiver, **pay)
        assert answer.body["code"] == code


# --- sub-accounts ----------------------------------------------------------------------------------------------------


async def test_a_sub_account_trades_with_its_own_key(mexc: Any) -> None:
    created = await mexc.call("POST", "sub-account/virtualSubAccount", subAccount="subAccount1", note="bots")
    assert created.body == {"subAccount": "subAccount1", "note": "bots"}
    (listed,) = (await mexc.call("GET", "sub-account/list")).body["subAccounts"]
    assert (listed["subAccount"], listed["isFreeze"], listed["createTime"]) == ("subAccount1", False, NOW)
    made = await mexc.call(
        "POST",
        "sub-account/apiKey",
        subAccount="subAccount1",
        note="one",
        permissions="SPOT_ACCOUNT_READ,SPOT_DEAL_READ,SPOT_DEAL_WRITE",
        ip="127.0.0.1,::1",
    )
    key = (made.body["apiKey"], made.body["secretKey"])
    assert key[0].startswith("mx0v")
    (known,) = (await mexc.call("GET", "sub-account/apiKey", subAccount="subAccount1")).body["subAccount"]
    assert known == {
        "note": "one",
        "apiKey": key[0],
        "permissions": "SPOT_ACCOUNT_READ,SPOT_DEAL_READ,SPOT_DEAL_WRITE",
        "ip": "127.0.0.1,::1",
        "creatTime": NOW,
    }
    assert (await mexc.call("GET", "account", key=key)).body["balances"] == []
    move = {"toAccount": "subAccount1", "fromAccountType": "SPOT", "toAccountType": "SPOT", "asset": "USDT"}
    (moved,) = (await mexc.call("POST", "capital/sub-account/universalTransfer", **move, amount="500")).body
    assets = (await mexc.call("GET", "sub-account/asset", subAccount="subAccount1", accountType="SPOT")).body
    assert assets == {"balances": [{"asset": "USDT", "free": "500", "locked": "0"}]}
    bought = await mexc.call("POST", "order", key=key, symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100")
    assert bought.status == 200
    (row,) = (await mexc.call("GET", "capital/sub-account/universalTransfer", **move)).body
    assert (row["tranId"], row["fromAccount"], row["toAccount"]) == (moved["tranId"], "main", "subAccount1")
    withdraw = await mexc.call("POST", "capital/withdraw", key=key, coin="USDT")
    assert withdraw.body["code"] == 700007
    for path in ("sub-account/list", "sub-account/apiKey", "strategy/group"):
        assert (await mexc.call("GET", path, key=key)).body["code"] == 140002
    deleted = await mexc.call("DELETE", "sub-account/apiKey", subAccount="subAccount1", apiKey=key[0])
    assert deleted.body == {"subAccount": "subAccount1"}
    assert (await mexc.call("GET", "account", key=key)).body["code"] == 10072


@pytest.mark.parametrize(
    ("method", "path", "params", "code"),
    [
        ("POST", "virtualSubAccount", {"subAccount": "short", "note": "x"}, 730601),
        ("POST", "virtualSubAccount", {"subAccount": "subAccount1", "note": "x"}, 730101),
        ("POST", "virtualSubAccount", {"subAccount": "subAccount2"}, 44444),
        ("POST", "apiKey", {"subAccount": "nobodys01", "note": "x", "permissions": "SPOT_DEAL_READ"}, 140001),
        ("POST", "apiKey", {"subAccount": "subAccount1", "note": "x", "permissions": "EVERYTHING"}, 730702),
        (
            "POST",
            "apiKey",
            {"subAccount": "subAccount1", "note": "x", "permissions": "SPOT_DEAL_READ", "ip": "here"},
            730704,
        ),
        (
            "POST",
            "apiKey",
            {
                "subAccount": "subAccount1",
                "note": "x",
                "permissions": "SPOT_DEAL_READ",
                "ip": ",".join(["1.2.3.4"] * 21),
            },
            730703,
        ),
        ("DELETE", "apiKey", {"subAccount": "subAccount1", "apiKey": "mx0vNothing000"}, 730706),
        ("GET", "asset", {"subAccount": "subAccount1", "accountType": "MARGIN"}, 10103),
    ],
)
async def test_what_is_refused_about_sub_accounts(
    mexc: Any, method: str, path: str, params: dict[str, str], code: int
) -> None:
    await mexc.call("POST", "sub-account/virtualSubAccount", subAccount="subAccount1", note="bots")
    answer = await mexc.call(method, f"sub-account/{path}", **params)
    assert (answer.status, answer.body["code"]) == (400, code)


async def test_sub_accounts_by_page_and_a_most_of_keys(mexc: Any) -> None:
    for number in range(3):
        await mexc.call("POST", "sub-account/virtualSubAccount", subAccount=f"subAccount{number}", note="x")
    page = (await mexc.call("GET", "sub-account/list", page=2, limit=2)).body["subAccounts"]
    assert [entry["subAccount"] for entry in page] == ["subAccount2"]
    assert (await mexc.call("GET", "sub-account/list", isFreeze="true")).body == {"subAccounts": []}
    made = [
        await mexc.call("POST", "sub-account/apiKey", subAccount="subAccount0", note="x", permissions="SPOT_DEAL_READ")
        for _ in range(31)
    ]
    assert [answer.status for answer in made] == [200] * 30 + [400]
    assert made[-1].body["code"] == 730705
