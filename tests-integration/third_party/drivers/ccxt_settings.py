"""How ccxt is pointed at the sandbox: keys, base URLs, and nothing else."""

from __future__ import annotations

from typing import Any, NamedTuple

from trading import AMOUNTS, Amounts

__all__ = ["MARKETS", "Place", "settings"]


class Place(NamedTuple):
    """A market: ccxt's name of the exchange, the sandbox's of the venue, the symbol, and how much is traded."""

    exchange: str
    venue: str
    symbol: str
    amounts: Amounts


MARKETS = {
    "mexc": Place("mexc", "mexc", "BTC/USDT", AMOUNTS["spot"]),
    "gate-spot": Place("gate", "gateio", "BTC/USDT", AMOUNTS["spot"]),
    "gate-futures": Place("gate", "gateio", "BTC/USDT:USDT", AMOUNTS["futures"]),
}


def settings(name: str, announcement: dict[str, Any]) -> dict[str, Any]:
    """What the constructor of the exchange takes."""
    at = announcement[MARKETS[name].venue]
    keys = {"apiKey": at["credentials"]["key"], "secret": at["credentials"]["secret"]}
    if name == "mexc":
        api = {
            "spot": {"public": at["rest"], "private": at["rest"]},
            "contract": {"public": at["rest"] + "/api/v1/contract"},
            "ws": {"spot": at["ws"]},
        }
        return {**keys, "urls": {"api": api}}
    kind = "swap" if name.endswith("futures") else "spot"
    rest = dict.fromkeys(("spot", "futures", "wallet", "margin", "unified", "account"), at["rest"])
    futures = at["ws_futures_usdt"].replace("/ws/usdt", "/ws/futures/usdt")  # ccxt tells markets apart by that
    return {
        **keys,
        "uid": str(at["credentials"]["uid"]),  # private channels of perpetuals are subscribed with it
        "urls": {"api": {"public": rest, "private": rest, "spot": at["ws_spot"], "swap": {"usdt": futures}}},
        "options": {
            "defaultType": kind,
            "fetchMarkets": {"types": ["spot", "swap"]},
            "swap": {"fetchMarkets": {"settlementCurrencies": ["usdt"]}},
        },
    }
