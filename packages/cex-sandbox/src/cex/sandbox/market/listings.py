"""What the sandbox lists, and each venue's trading rules for it, oddities included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cex.common.enums import InstrumentStatus
from cex.common.types.symbols import Symbol

__all__ = ["DEFAULT_LISTINGS", "GATEIO", "MEXC", "FuturesContract", "Listing", "Rules"]

MEXC = "mexc"
GATEIO = "gateio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One venue's rules for one instrument.

    Grids are 10 ** -decimals. Quantities are in base units (of a perpetual: in contracts), notionals in quote, fees are
    fractions (0.0005 = 0.05 %).
    A ``min_quantity`` of 0 is listed as no limit. ``api_trading`` False is a symbol that is visible but closed to the
    API. A status other than TRADING leaves a book that nobody touches.

    The grid is the finest that an instrument can ever have: the book counts in it, and it stays for good. ``tick`` and
    ``step`` (multiples of the grid; None is the grid itself) are what new orders must keep to, and may be changed while
    the market runs. ``price_band`` is how far a limit price may be from the last price, as a fraction.

    Raises:
        ValueError: a tick or a step is not a positive multiple of its grid.
    """

    price_decimals: int
    quantity_decimals: int
    min_quantity: Decimal
    min_notional: Decimal
    max_notional: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    status: InstrumentStatus = InstrumentStatus.TRADING
    api_trading: bool = True
    tick: Decimal | None = None
    step: Decimal | None = None
    max_quantity: Decimal | None = None
    price_band: Decimal | None = None
    market_orders: bool = True

    def __post_init__(self) -> None:
        for name, unit, decimals in (
            ("tick", self.tick, self.price_decimals),
            ("step", self.step, self.quantity_decimals),
        ):
            if unit is not None and (unit <= 0 or unit.scaleb(decimals) % 1):
                raise ValueError(f"a {name} of {unit} is not a positive multiple of the grid of {decimals} decimals")

    @property
    def price_tick(self) -> Decimal:
        """The smallest difference between two prices of new orders."""
        return Decimal(1).scaleb(-self.price_decimals) if self.tick is None else self.tick

    @property
    def quantity_step(self) -> Decimal:
        """The smallest difference between two quantities of new orders."""
        return Decimal(1).scaleb(-self.quantity_decimals) if self.step is None else self.step

    @property
    def price_precision(self) -> int:
        """Decimals that a price of a new order needs: what a venue publishes."""
        return _decimals(self.price_tick)

    @property
    def quantity_precision(self) -> int:
        """Decimals that a quantity of a new order needs: what a venue publishes."""
        return _decimals(self.quantity_step)


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesContract:
    """What makes an instrument a perpetual.

    ``multiplier`` is base units a contract, ``premium`` the usual distance from spot in basis points,
    ``funding_interval`` in seconds, ``maintenance_rate`` a fraction.
    """

    multiplier: Decimal
    premium: float = 3.0
    funding_interval: int = 28_800
    most_leverage: int = 100
    maintenance_rate: Decimal = Decimal("0.005")

    def __post_init__(self) -> None:
        if not self.multiplier > 0 or self.funding_interval < 1 or self.most_leverage < 1:
            raise ValueError("multiplier, funding_interval and most_leverage of a contract must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One instrument: its starting price, how it trades, and the venues that list it.

    ``volatility`` is in basis points per square root of a second, ``order_notional`` the typical order in quote units,
    ``activity`` the probability that a venue's participants act in a tick, ``resting_orders`` roughly how many price
    levels each side has. ``contract`` is there for a perpetual, whose price follows the spot pair when that is listed.
    """

    symbol: Symbol
    name: str
    price: float
    venues: Mapping[str, Rules] = field(hash=False)
    volatility: float = 2.0
    order_notional: float = 2_000.0
    activity: float = 1.0
    resting_orders: int = 160
    contract: FuturesContract | None = None

    def __post_init__(self) -> None:
        if (self.symbol.settle is None) != (self.contract is None):
            raise ValueError(f"{self.symbol}: a perpetual (BASE/QUOTE:SETTLE) needs a contract, and only a perpetual")
        if not self.price > 0 or not 0 <= self.activity <= 1 or self.resting_orders < 1:
            raise ValueError(f"{self.symbol}: price and resting_orders must be positive, activity between 0 and 1")


def _decimals(unit: Decimal) -> int:
    exponent = unit.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _mexc(
    price_decimals: int,
    quantity_decimals: int,
    min_quantity: str,
    *,
    maker_fee: str = "0",
    status: InstrumentStatus = InstrumentStatus.TRADING,
    api_trading: bool = True,
) -> Rules:
    return Rules(
        price_decimals=price_decimals,
        quantity_decimals=quantity_decimals,
        min_quantity=Decimal(min_quantity),
        min_notional=Decimal(1),
        max_notional=Decimal(2_000_000),
        maker_fee=Decimal(maker_fee),
        taker_fee=Decimal("0.0005"),
        status=status,
        api_trading=api_trading,
    )


def _gateio(
    price_decimals: int,
    quantity_decimals: int,
    min_quantity: str,
    *,
    status: InstrumentStatus = InstrumentStatus.TRADING,
) -> Rules:
    return Rules(
        price_decimals=price_decimals,
        quantity_decimals=quantity_decimals,
        min_quantity=Decimal(min_quantity),
        min_notional=Decimal(3),
        max_notional=Decimal(5_000_000),
        maker_fee=Decimal("0.002"),
        taker_fee=Decimal("0.002"),
        status=status,
    )


def _gateio_futures(price_decimals: int, *, quantity_decimals: int = 0) -> Rules:
    return Rules(
        price_decimals=price_decimals,
        quantity_decimals=quantity_decimals,
        min_quantity=Decimal(1).scaleb(-quantity_decimals),
        min_notional=Decimal(0),
        max_notional=Decimal(10_000_000),
        maker_fee=Decimal("-0.00005"),
        taker_fee=Decimal("0.0005"),
    )


_HALTED = InstrumentStatus.HALTED

DEFAULT_LISTINGS: tuple[Listing, ...] = (
    Listing(
        symbol=Symbol("BTC/USDT"),
        name="Bitcoin",
        price=84_270.0,
        order_notional=9_000.0,
        resting_orders=200,
        venues={MEXC: _mexc(2, 8, "0.000001"), GATEIO: _gateio(1, 6, "0.00001")},
    ),
    Listing(
        symbol=Symbol("ETH/USDT"),
        name="Ethereum",
        price=2_941.0,
        volatility=2.5,
        order_notional=6_000.0,
        venues={MEXC: _mexc(2, 5, "0.00001"), GATEIO: _gateio(2, 4, "0.0001")},
    ),
    Listing(
        symbol=Symbol("SOL/USDT"),
        name="Solana",
        price=136.4,
        volatility=3.0,
        order_notional=2_500.0,
        venues={MEXC: _mexc(2, 4, "0.001"), GATEIO: _gateio(2, 3, "0.001")},
    ),
    Listing(
        symbol=Symbol("XRP/USDT"),
        name="XRP",
        price=2.2145,
        volatility=3.0,
        order_notional=1_500.0,
        venues={MEXC: _mexc(4, 2, "0.01"), GATEIO: _gateio(4, 2, "0.1")},
    ),
    Listing(
        symbol=Symbol("龙虾/USDT"),
        name="龙虾",
        price=0.01734,
        volatility=6.0,
        order_notional=60.0,
        activity=0.05,
        resting_orders=30,
        venues={MEXC: _mexc(6, 1, "0.1", maker_fee="0.0005"), GATEIO: _gateio(6, 0, "1")},
    ),
    Listing(
        symbol=Symbol("BROCK/USDT"),
        name="Bitrock",
        price=0.02371,
        activity=0.02,
        resting_orders=20,
        order_notional=40.0,
        venues={MEXC: _mexc(5, 2, "0", maker_fee="0.0005")},
    ),
    Listing(
        symbol=Symbol("LUNC/USDT"),
        name="Terra Classic",
        price=0.00006218,
        resting_orders=20,
        venues={MEXC: _mexc(8, 0, "1", status=_HALTED), GATEIO: _gateio(8, 0, "1", status=_HALTED)},
    ),
    Listing(
        symbol=Symbol("GENE/USDT"),
        name="Genopets",
        price=0.0518,
        activity=0.02,
        resting_orders=20,
        order_notional=40.0,
        venues={MEXC: _mexc(4, 2, "0.01", api_trading=False)},
    ),
    Listing(
        symbol=Symbol("BTC/USDT:USDT"),
        name="Bitcoin",
        price=84_295.0,
        order_notional=9_000.0,
        resting_orders=200,
        venues={GATEIO: _gateio_futures(1)},
        contract=FuturesContract(multiplier=Decimal("0.0001")),
    ),
    Listing(
        symbol=Symbol("ETH/USDT:USDT"),
        name="Ethereum",
        price=2_941.6,
        order_notional=6_000.0,
        venues={GATEIO: _gateio_futures(2)},
        contract=FuturesContract(multiplier=Decimal("0.01"), premium=2.0),
    ),
    Listing(
        symbol=Symbol("SOL/USDT:USDT"),
        name="Solana",
        price=136.35,
        order_notional=2_500.0,
        venues={GATEIO: _gateio_futures(2, quantity_decimals=1)},
        contract=FuturesContract(multiplier=Decimal(1), premium=-3.0, funding_interval=14_400, most_leverage=75),
    ),
    Listing(
        symbol=Symbol("龙虾/USDT:USDT"),
        name="龙虾",
        price=0.017348,
        activity=0.05,
        resting_orders=30,
        order_notional=60.0,
        venues={GATEIO: _gateio_futures(6)},
        contract=FuturesContract(multiplier=Decimal(10), premium=5.0, funding_interval=3_600, most_leverage=20),
    ),
)
