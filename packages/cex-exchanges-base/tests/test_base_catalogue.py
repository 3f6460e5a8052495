from __future__ import annotations

import pickle
from decimal import Decimal

import pytest

from cex.common.enums import InstrumentStatus, MarketType
from cex.common.types.instruments import Instrument
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue, UnknownSymbolException


def listed(text: str, native: str) -> Instrument:
    return Instrument(
        symbol=Symbol(text),
        exchange="venue",
        exchange_symbol=native,
        status=InstrumentStatus.TRADING,
        tick=Decimal("0.01"),
        step=Decimal("0.001"),
    )


@pytest.fixture
def catalogue() -> InstrumentCatalogue:
    return InstrumentCatalogue("venue", [listed("BTC/USDT", "BTC_USDT"), listed("ETH/USDT", "ETH_USDT")])


def test_symbols_and_their_text_find_the_same_instrument(catalogue: InstrumentCatalogue) -> None:
    assert catalogue[Symbol("BTC/USDT")] is catalogue["BTC/USDT"]
    assert catalogue.symbol("BTC/USDT") is Symbol("BTC/USDT")
    assert list(catalogue) == [Symbol("BTC/USDT"), Symbol("ETH/USDT")]
    assert all(isinstance(symbol, Symbol) for symbol in catalogue)
    assert len(catalogue) == 2
    assert repr(catalogue) == "<InstrumentCatalogue venue: 2 instruments>"


def test_names_translate_both_ways(catalogue: InstrumentCatalogue) -> None:
    assert catalogue.native("ETH/USDT") == "ETH_USDT"
    assert catalogue.by_native("ETH_USDT") is Symbol("ETH/USDT")
    assert catalogue.by_native("ETH/USDT") is None


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("BTC/USDC", "BTC/USDT"),
        ("btc/usdt", "BTC/USDT"),
        ("BTC_USDT", "BTC/USDT"),
        ("BTC-USDT", "BTC/USDT"),
        ("ETC/USDT", "ETH/USDT"),
    ],
)
def test_an_unlisted_symbol_names_the_nearest(catalogue: InstrumentCatalogue, asked: str, hint: str) -> None:
    with pytest.raises(UnknownSymbolException, match="did you mean") as caught:
        catalogue[asked]
    assert hint in caught.value.message
    assert caught.value.exchange == "venue"
    assert caught.value.safe_to_resubmit


def test_an_unlisted_symbol_that_is_near_to_nothing_says_so(catalogue: InstrumentCatalogue) -> None:
    with pytest.raises(UnknownSymbolException, match="nothing it lists is close"):
        catalogue.native("QQQQQQQ/ZZZZZZZ")


def test_an_empty_catalogue_says_that_it_was_not_loaded() -> None:
    with pytest.raises(UnknownSymbolException, match="load its list before") as caught:
        InstrumentCatalogue("venue")["BTC/USDT"]
    assert caught.value.retryable


def test_it_behaves_as_a_mapping(catalogue: InstrumentCatalogue) -> None:
    assert "BTC/USDT" in catalogue
    assert "NOPE/USDT" not in catalogue
    assert catalogue.get("NOPE/USDT") is None


def test_a_new_list_replaces_the_old_one_for_everyone(catalogue: InstrumentCatalogue) -> None:
    shared = catalogue
    catalogue.replace([listed("NEO/BTC", "NEO_BTC")])
    assert [symbol for symbol in shared if shared[symbol].status is InstrumentStatus.TRADING] == ["NEO/BTC"]


def test_what_a_new_list_leaves_out_stays_known_as_delisted(catalogue: InstrumentCatalogue) -> None:
    def status() -> InstrumentStatus:
        return catalogue["BTC/USDT"].status

    catalogue.replace([listed("NEO/BTC", "NEO_BTC")])
    assert status() is InstrumentStatus.DELISTED
    assert catalogue.by_native("BTC_USDT") == "BTC/USDT"
    catalogue.replace([listed("BTC/USDT", "BTC_USDT")])
    assert status() is InstrumentStatus.TRADING
    catalogue.replace([listed("WRAPPED/USDT", "BTC_USDT")])
    assert catalogue.by_native("BTC_USDT") == "WRAPPED/USDT", "a name that is used again is the new one's"


def test_the_error_survives_pickling(catalogue: InstrumentCatalogue) -> None:
    with pytest.raises(UnknownSymbolException) as caught:
        catalogue["NOPE/USDT"]
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is UnknownSymbolException
    assert again.message == caught.value.message
    assert str(again) == str(caught.value)


def test_one_name_can_stand_for_a_pair_and_its_perpetual() -> None:
    both = InstrumentCatalogue("venue", [listed("BTC/USDT", "BTC_USDT"), listed("BTC/USDT:USDT", "BTC_USDT")])
    assert both.by_native("BTC_USDT") == "BTC/USDT"
    assert both.by_native("BTC_USDT", MarketType.FUTURES) == "BTC/USDT:USDT"
    assert both.native("BTC/USDT:USDT") == "BTC_USDT"
    with pytest.raises(UnknownSymbolException, match="did you mean BTC/USDT or BTC/USDT:USDT"):
        both["BTC_USDT"]
