"""What every account that can be asked and told by REST is put through, whatever its client looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from steps import Teller, Truth, check, until

__all__ = ["AMOUNTS", "Account", "Amounts", "SeenFill", "SeenOrder", "equal", "trade"]

Number = Decimal | float | str


class SeenOrder(NamedTuple):
    """An order as a client tells it; ``status`` is open, closed or canceled."""

    status: str
    filled: Number


class SeenFill(NamedTuple):
    """A fill as a client tells it; ``fee`` is what was paid, positive, or None where the client does not say."""

    id: str
    order: str
    price: Number
    quantity: Number
    fee: Number | None


class Account(Protocol):
    """An account of one market through a client; numbers as the client has them."""

    def place(self, side: str, quantity: Decimal, price: Decimal) -> str:
        """Place a limit order; its id."""

    def buy(self, amount: Decimal) -> str:
        """Buy at the market for so much quote, or so many contracts."""

    def sell(self, amount: Decimal) -> str:
        """Sell so much base, or so many contracts, at the market."""

    def cancel(self, order_id: str) -> None: ...

    def order(self, order_id: str) -> SeenOrder: ...

    def open_ids(self) -> set[str]: ...

    def finished_ids(self) -> set[str]: ...

    def fills(self) -> list[SeenFill]: ...

    def balances(self) -> Mapping[str, tuple[Number, Number]]:
        """(free, locked) of every asset that there is some of; of futures the wallet as free."""

    def position(self) -> Number:
        """Contracts, negative when short."""


@dataclass(frozen=True)
class Amounts:
    """How much is ordered, how much of that somebody takes, and what is bought and sold at the market."""

    order: Decimal
    taken: Decimal
    buy: Decimal
    sell: Decimal


AMOUNTS = {
    "spot": Amounts(Decimal("1.5"), Decimal("0.05"), Decimal(500), Decimal("0.002")),
    "futures": Amounts(Decimal(2000), Decimal(100), Decimal(50), Decimal(20)),
}
"""Of BTC/USDT: in BTC and, what is bought at the market, in USDT; of its perpetual in contracts."""


def equal(seen: Number, true: object) -> bool:
    """Whether a number is the true one: to the last digit, or the nearest float where the client has floats."""
    if isinstance(seen, float):
        return seen == float(Decimal(str(true)))
    return Decimal(str(seen)) == Decimal(str(true))


def trade(teller: Teller, truth: Truth, account: Account, amounts: Amounts) -> None:
    """Place, query, fill partly, cancel, trade at the market, and read back what happened."""
    placed: list[str] = []
    with teller.step("place limit") as step:
        price = truth.aside("buy")
        placed.append(account.place("buy", amounts.order, price))
        true = truth.order(placed[-1])
        check(equal(price, true["price"]) and equal(amounts.order, true["quantity"]), f"in truth it is {true}")
        step.detail = f"{amounts.order} at {price}"
    with teller.step("query"):
        seen = account.order(placed[-1])
        check(seen.status == "open" and equal(seen.filled, 0), f"it is open, and the client says {seen}")
    with teller.step("open orders") as step:
        seen_ids = account.open_ids()
        check(seen_ids == truth.open_ids() == set(placed), f"{seen_ids}, in truth {truth.open_ids()}")
        step.detail = f"{len(seen_ids)} open"
    with teller.step("cancel"):
        account.cancel(placed[-1])
        check(not truth.open_ids(), "in truth it is still open")
        seen = account.order(placed[-1])
        check(seen.status == "canceled", f"after the cancel the client says {seen}")
    with teller.step("partial fill") as step:
        price = truth.near("buy")
        placed.append(account.place("buy", amounts.order, price))
        truth.fill_partly(placed[-1], "buy", amounts.taken)
        seen = account.order(placed[-1])
        account.cancel(placed[-1])
        filled = truth.filled(placed[-1])
        check(seen.status == "open", f"partly filled, and the client says {seen}")
        check(0 < filled < amounts.order, f"{filled} of {amounts.order} were filled")
        check(0 < Decimal(str(seen.filled)) <= filled, f"{filled} are filled, the client says {seen.filled}")
        after = account.order(placed[-1])
        check(after.status == "canceled" and equal(after.filled, filled), f"{filled} filled, the client says {after}")
        step.detail = f"{filled} of {amounts.order}"
    _trade_at_the_market(teller, truth, account, amounts, placed)
    _read_back(teller, truth, account, placed)


def _trade_at_the_market(teller: Teller, truth: Truth, account: Account, amounts: Amounts, placed: list[str]) -> None:
    with teller.step("market orders") as step:
        for act, amount in ((account.buy, amounts.buy), (account.sell, amounts.sell)):
            placed.append(act(amount))
            seen = account.order(placed[-1])
            check(seen.status == "closed", f"filled at once, and the client says {seen}")
            check(equal(seen.filled, truth.filled(placed[-1])), f"{truth.order(placed[-1])}, the client says {seen}")
        step.detail = f"bought and sold {' and '.join(str(truth.filled(order)) for order in placed[-2:])}"
    if truth.wallet != "spot":
        with teller.step("positions") as step:
            true = sum(Decimal(one["size"]) for one in truth.account()["positions"] if one["symbol"] == truth.symbol)
            seen_size = account.position()
            check(equal(seen_size, true), f"{true} contracts, the client says {seen_size}")
            step.detail = f"{true} contracts"


def _read_back(teller: Teller, truth: Truth, account: Account, placed: list[str]) -> None:
    with teller.step("history") as step:
        seen_ids = until(lambda: (ids := account.finished_ids()) >= set(placed) and ids, 3, "every finished order")
        check(seen_ids == set(truth.order_ids()), f"{seen_ids}, in truth {truth.order_ids()}")
        step.detail = f"{len(seen_ids)} orders"
    with teller.step("my trades") as step:
        true = {fill["id"]: fill for fill in truth.fills()}
        seen = {fill.id: fill for fill in account.fills()}
        check(seen.keys() == true.keys(), f"{sorted(seen)}, in truth {sorted(true)}")
        for key, fill in seen.items():
            for name, one in (("price", fill.price), ("quantity", fill.quantity), ("fee", fill.fee)):
                check(one is None or equal(one, true[key][name]), f"{name} of {key} is {true[key][name]}, not {one}")
            check(fill.order == true[key]["order"], f"{key} is of order {true[key]['order']}, not {fill.order}")
        step.detail = f"{len(seen)} fills, prices, quantities and fees"
    with teller.step("balances") as step:
        held = truth.balances()
        told = account.balances()
        check(told.keys() == held.keys(), f"{sorted(told)}, in truth {sorted(held)}")
        for asset, (free, locked) in held.items():
            one, other = told[asset]
            check(
                equal(one, free) and equal(other, locked), f"{asset}: {one} and {other}, in truth {free} and {locked}"
            )
        step.detail = f"{len(held)} assets, to the last digit"
