"""Every private endpoint and channel that is read, as the documentation shows it: golden decodes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from cex.common.enums import (
    Liquidity,
    MarginMode,
    MarketType,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    TransferStatus,
)
from cex.common.types.account import Balance, FundingPayment, Position, TradingFees
from cex.common.types.orders import Fill, Order
from cex.common.types.symbols import Symbol
from cex.common.types.wallet import AssetNetwork, Deposit, DepositAddress, Withdrawal
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.gateio.decode import private_futures as futures
from cex.exchanges.gateio.decode import private_spot as spot
from cex.exchanges.gateio.decode import private_wallet as wallet
from cex.exchanges.gateio.decode.private_values import trigger_number
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.wire import order_api
from cex.exchanges.gateio.wire import private_futures as futures_wire
from cex.exchanges.gateio.wire import private_spot as spot_wire
from cex.exchanges.gateio.wire import private_wallet as wallet_wire
from cex.exchanges.gateio.wire.control import rows_decoder

Sample = Callable[[str], bytes]
RECEIVED = 1_700_000_000_123_456_789
BTC, BTC_PERP = Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT")


def read(sample: Sample, name: str, decoder: Any) -> Any:
    return parse(decoder, sample(name), name)


def test_spot_accounts(sample: Sample) -> None:
    (row,) = read(sample, "rest_private_spot_accounts", spot_wire.accounts_decoder)
    assert spot.balance(row) == Balance(
        currency="ETH", free=Decimal("968.8"), locked=Decimal(0), market=MarketType.SPOT
    )


def test_spot_fees_are_fractions(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    told = read(sample, "rest_private_wallet_fee", spot_wire.fee_decoder)
    assert spot.fees(told, catalogue[BTC]) == TradingFees(symbol=BTC, maker=Decimal("0.002"), taker=Decimal("0.002"))
    told.gt_discount, told.gt_taker_fee = True, "0.0015"
    assert spot.fees(told, catalogue[BTC]) == TradingFees(
        symbol=BTC, maker=Decimal("0.002"), taker=Decimal("0.0015"), tier="GT"
    )


def test_spot_order(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    row = read(sample, "rest_private_spot_order", spot_wire.order_decoder)
    assert spot.order(row, catalogue[BTC]) == Order(
        symbol=BTC,
        order_id="1852454420",
        client_order_id="t-abc123",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        status=OrderStatus.FILLED,
        quantity=Decimal("0.001"),
        filled=Decimal("0.001"),
        price=Decimal(65000),
        average_price=Decimal("63469.3"),
        created_ts=1_710_488_334_073_000_000,
        updated_ts=1_710_488_334_074_000_000,
        filled_quote=Decimal("63.4693"),
        fees={"BTC": Decimal("0.00000022")},
        finish_reason="filled",
    )


def test_spot_open_orders_of_before_filled_amount(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    (pair,) = read(sample, "rest_private_spot_open_orders", spot_wire.open_orders_decoder)
    order = spot.order(pair.orders[0], catalogue["ETH/BTC"])
    assert (order.status, order.filled, order.remaining) == (
        OrderStatus.PARTIALLY_FILLED,
        Decimal("0.5"),
        Decimal("0.5"),
    )
    assert order.average_price == Decimal("5.00032")
    assert order.updated_ts == 1_548_000_100_000_000_000
    assert order.finish_reason == ""


def test_spot_batch(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    rows = read(sample, "rest_private_spot_batch", rows_decoder)
    placed, refused = (parse(spot_wire.batch_decoder, bytes(row), "batch") for row in rows)
    assert placed.succeeded is True
    assert (refused.succeeded, refused.label, refused.message) == (False, "BALANCE_NOT_ENOUGH", "Not enough balance")
    order = spot.order(parse(spot_wire.order_decoder, bytes(rows[0]), "batch"), catalogue["ETH/BTC"])
    assert (order.status, order.filled, order.finish_reason) == (OrderStatus.EXPIRED, Decimal("0.5"), "ioc")


def test_spot_fills(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    (row,) = read(sample, "rest_private_spot_my_trades", spot_wire.fills_decoder)
    assert spot.fill(row, catalogue["ETH/BTC"], RECEIVED, "/spot/my_trades") == Fill(
        symbol=Symbol("ETH/BTC"),
        trade_id="1232893232",
        order_id="4128442423",
        client_order_id="t-test",
        side=Side.BUY,
        price=Decimal("0.03"),
        quantity=Decimal("0.15"),
        fee=Decimal("0.0005"),
        fee_currency="ETH",
        liquidity=Liquidity.MAKER,
        exchange_ts=1_548_000_000_123_456_000,
        received_ts=RECEIVED,
    )


def test_spot_trigger_order(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    row = read(sample, "rest_private_spot_price_order", spot_wire.trigger_decoder)
    order = spot.trigger_order(row, catalogue["GT/USDT"])
    assert (order.order_id, order.client_order_id) == ("trigger-1432329", None)
    assert trigger_number(order.order_id) == "1432329"
    assert order.order_type is OrderType.STOP_LOSS  # buys at or above
    assert (order.status, order.finish_reason) == (OrderStatus.CANCELED, "cancelled")
    assert (order.price, order.trigger_price, order.quantity) == (Decimal("2.15"), Decimal(100), Decimal("2.00"))
    assert read(sample, "rest_private_price_order_placed", spot_wire.trigger_id_decoder).id == 1432329


def test_account_detail(sample: Sample) -> None:
    told = read(sample, "rest_private_account_detail", wallet_wire.account_detail_decoder)
    assert (told.user_id, told.key.mode) == (1667201533, 1)


def test_unified_accounts(sample: Sample) -> None:
    told = read(sample, "rest_private_unified_accounts", wallet_wire.unified_decoder)
    assert wallet.unified_balances(told) == [
        Balance(currency="USDT", free=Decimal(4), market=MarketType.SPOT),
        Balance(currency="ETH", free=Decimal(0), market=MarketType.SPOT, borrowed=Decimal("0.075393666654")),
    ]


def test_networks(sample: Sample) -> None:
    chains = read(sample, "rest_private_currency_chains", wallet_wire.chains_decoder)
    (limits,) = read(sample, "rest_private_withdraw_status", wallet_wire.withdraw_status_decoder)
    assert wallet.networks("GT", chains, limits) == [
        AssetNetwork(
            currency="GT",
            network="ETH",
            deposit_enabled=True,
            withdraw_enabled=True,
            withdraw_fee=Decimal("0.1"),
            withdraw_min=Decimal("0.11"),
            withdraw_max=Decimal(20000),
        )
    ]
    (bare,) = wallet.networks("GT", chains, None)
    assert (bare.withdraw_fee, bare.withdraw_min) == (None, None)


def test_deposit_address(sample: Sample) -> None:
    told = read(sample, "rest_private_deposit_address", wallet_wire.address_decoder)
    assert wallet.deposit_address(told, "TRX") == DepositAddress(
        currency="USDT", network="TRX", address="LPXtk1kWHioP62SzfqwKbYE3Z7Wt2ujYEc"
    )
    assert wallet.deposit_address(told, "ETH") is None


def test_deposits_and_withdrawals(sample: Sample) -> None:
    (came,) = read(sample, "rest_private_deposits", wallet_wire.withdrawals_decoder)
    assert wallet.deposit(came) == Deposit(
        deposit_id="210496",
        currency="USDT",
        amount=Decimal("222.61"),
        status=TransferStatus.COMPLETED,
        network="TRX",
        exchange_status="DONE",
        address="1HkxtBAMrA3tP5ENnYY2CZortjZvFDH5Cs",
        transaction_id="128988928203223323290",
        created_ts=1_542_000_000 * 10**9,
        updated_ts=1_542_000_000 * 10**9,
    )
    (went,) = read(sample, "rest_private_withdrawals", wallet_wire.withdrawals_decoder)
    assert wallet.withdrawal(went) == Withdrawal(
        withdrawal_id="w1879219868",
        currency="USDT",
        amount=Decimal("222.61"),
        status=TransferStatus.PENDING,
        network="TRX",
        exchange_status="PROCES",
        address="1HkxtBAMrA3tP5ENnYY2CZortjZvFDH5Cs",
        transaction_id="128988928203223323290",
        client_withdrawal_id="order_123456",
        fee=Decimal("0.01"),
        created_ts=1_542_000_000 * 10**9,
        updated_ts=1_542_000_300 * 10**9,
    )


def test_transfer(sample: Sample) -> None:
    assert read(sample, "rest_private_transfer", wallet_wire.transfer_decoder).tx_id == 59636381286
    assert read(sample, "rest_private_transfer_status", wallet_wire.transfer_status_decoder).status == "SUCCESS"


def test_futures_account(sample: Sample) -> None:
    told = read(sample, "rest_private_futures_account", futures_wire.account_decoder)
    assert futures.balance(told) == Balance(
        currency="USDT", free=Decimal("9669.091377934145"), locked=Decimal("38.712189181"), market=MarketType.FUTURES
    )
    assert str(told.user) == "1666"


def test_futures_fees(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    told = read(sample, "rest_private_futures_fee", futures_wire.fees_decoder)
    assert futures.fees(told["BTC_USDT"], catalogue[BTC_PERP]) == TradingFees(
        symbol=BTC_PERP, maker=Decimal("0.0002"), taker=Decimal("0.0005")
    )


def test_futures_position(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    row = read(sample, "rest_private_futures_position", futures_wire.position_decoder)
    assert futures.position(row, catalogue[BTC_PERP]) == Position(
        symbol=BTC_PERP,
        side=PositionSide.BOTH,
        quantity=Decimal("-0.944"),
        entry_price=Decimal("3779.55"),
        mark_price=Decimal("3780.32"),
        liquidation_price=Decimal(99999999),
        unrealised_pnl=Decimal("-0.000507486844"),
        realised_pnl=Decimal("0.045543982432"),
        leverage=None,
        margin=Decimal("4.431548146258"),
        margin_mode=MarginMode.CROSS,
        updated_ts=1_684_994_406 * 10**9,
    )


def test_futures_order(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    row = read(sample, "rest_private_futures_order", futures_wire.order_decoder)
    assert futures.order(row, catalogue[BTC_PERP]) == Order(
        symbol=BTC_PERP,
        order_id="15675394",
        client_order_id="t-my-custom-id",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        status=OrderStatus.NEW,
        quantity=Decimal("0.6024"),
        filled=Decimal(0),
        price=Decimal(3765),
        time_in_force=TimeInForce.GTC,
        created_ts=1_546_569_968 * 10**9,
        updated_ts=1_546_569_968 * 10**9,
    )


def test_futures_fills(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    (row,) = read(sample, "rest_private_futures_my_trades", futures_wire.fills_decoder)
    assert futures.fill(row, catalogue[BTC_PERP], RECEIVED, "/futures/usdt/my_trades") == Fill(
        symbol=BTC_PERP,
        trade_id="121234231",
        order_id="21893289839",
        client_order_id="t-123456",
        side=Side.BUY,
        price=Decimal("100.123"),
        quantity=Decimal("0.01"),
        fee=Decimal("0.01"),
        fee_currency="USDT",
        liquidity=Liquidity.TAKER,
        exchange_ts=1_514_764_800_123_000_000,
        received_ts=RECEIVED,
    )


def test_futures_funding(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    (row,) = read(sample, "rest_private_futures_account_book", futures_wire.account_book_decoder)
    assert futures.funding_payment(row, catalogue["ETH/USDT:USDT"]) == FundingPayment(
        symbol=Symbol("ETH/USDT:USDT"),
        amount=Decimal("0.000010152188"),
        currency="USDT",
        paid_ts=1_682_294_400_123_456_000,
        payment_id="1",
    )


def test_futures_trigger_order(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    row = read(sample, "rest_private_futures_price_order", futures_wire.trigger_decoder)
    order = futures.trigger_order(row, catalogue[BTC_PERP])
    assert futures.fired(row) == "13566"
    assert (order.order_id, order.status, order.finish_reason) == (
        "trigger-1432329",
        OrderStatus.CANCELED,
        "fired as 13566",
    )
    assert (order.side, order.order_type) == (Side.BUY, OrderType.STOP_LOSS)
    assert (order.quantity, order.price, order.trigger_price) == (Decimal("0.01"), Decimal("5.03"), Decimal(3000))


# ---- pushes --------------------------------------------------------------------------------------------------------


def test_pushed_spot_order(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    push = read(sample, "ws_private_spot_orders", spot_wire.private_push_decoder)
    order = spot.pushed_order(push.result[0], catalogue[BTC])
    assert (order.order_id, order.client_order_id, order.side) == ("399123456", "t-testtext", Side.SELL)
    assert (order.status, order.quantity, order.filled, order.finish_reason) == (
        OrderStatus.NEW,
        Decimal("0.0001"),
        Decimal(0),
        "",
    )
    assert order.updated_ts == 1_694_655_225_315_000_000
    assert order.fees == {}


def test_pushed_spot_fill(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    push = read(sample, "ws_private_spot_usertrades", spot_wire.private_push_decoder)
    fill = spot.fill(push.result[0], catalogue[BTC], RECEIVED, "spot.usertrades")
    assert (fill.trade_id, fill.order_id, fill.client_order_id) == ("5736713", "30784428", None)
    assert (fill.price, fill.quantity, fill.fee, fill.fee_currency) == (
        Decimal(10000),
        Decimal(1),
        Decimal("0.002"),
        "USDT",
    )
    assert fill.exchange_ts == 1_605_176_741_123_456_000


def test_pushed_spot_balance(sample: Sample) -> None:
    push = read(sample, "ws_private_spot_balances", spot_wire.private_push_decoder)
    assert spot.pushed_balance(push.result[0]) == Balance(
        currency="USDT",
        free=Decimal("222244.3827"),
        locked=Decimal(5),
        updated_ts=1_667_556_323_730_000_000,
        market=MarketType.SPOT,
    )


def test_pushed_futures_order(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    push = read(sample, "ws_private_futures_orders", futures_wire.private_push_decoder)
    order = futures.order(push.result[0], catalogue[BTC_PERP])
    assert (order.status, order.quantity, order.filled) == (OrderStatus.FILLED, Decimal("0.0001"), Decimal("0.0001"))
    assert (order.price, order.average_price) == (Decimal("40000.4"), Decimal("40000.4"))
    assert (order.client_order_id, order.updated_ts) == (None, 1_541_505_434_123_000_000)


def test_pushed_futures_fill(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    push = read(sample, "ws_private_futures_usertrades", futures_wire.private_push_decoder)
    fill = futures.fill(push.result[0], catalogue[BTC_PERP], RECEIVED, "futures.usertrades")
    assert (fill.trade_id, fill.fee, fill.liquidity) == ("3335259", Decimal("0.0009290592"), Liquidity.MAKER)
    assert fill.exchange_ts == 1_628_736_848_321_000_000


def test_pushed_futures_position(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    push = read(sample, "ws_private_futures_positions", futures_wire.private_push_decoder)
    position = futures.position(push.result[0], catalogue[BTC_PERP])
    assert (position.quantity, position.realised_pnl, position.mark_price) == (
        Decimal("0.0003"),
        Decimal("-1.25e-8"),
        None,
    )
    assert position.entry_price == Decimal("40000.36666661111")
    assert position.updated_ts == 1_628_736_848_321_000_000


def test_pushed_futures_balance(sample: Sample) -> None:
    push = read(sample, "ws_private_futures_balances", futures_wire.private_push_decoder)
    assert push.result[0].balance == Decimal("9.998739899488")


# ---- the order API -------------------------------------------------------------------------------------------------


def test_order_api(sample: Sample, catalogue: InstrumentCatalogue) -> None:
    login = read(sample, "ws_api_login", order_api.api_decoder)
    assert (login.header.channel, login.header.status, login.ack, login.data.errs) == ("spot.login", "200", False, None)
    acknowledged = read(sample, "ws_api_ack", order_api.api_decoder)
    assert acknowledged.ack
    assert acknowledged.header.x_gate_ratelimit_requests_remain == 99
    final = read(sample, "ws_api_final", order_api.api_decoder)
    assert not final.ack
    assert final.request_id == acknowledged.request_id == "r-2"
    row = parse(futures_wire.order_decoder, bytes(final.data.result), "futures.order_place")
    order = futures.order(row, catalogue[BTC_PERP])
    assert (order.status, order.filled, order.average_price) == (OrderStatus.FILLED, Decimal("0.001"), Decimal(31500))
    refusal = read(sample, "ws_api_refusal", order_api.api_decoder)
    assert refusal.data.errs.label == "INVALID_PARAM_VALUE"
