"""A whole setup in a TOML file: seed, listings, market, latencies, venues' switches, accounts and timed faults."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cex.sandbox.accounts.directory import Permission
from cex.sandbox.accounts.ledger import FUTURES_USDT, SPOT
from cex.sandbox.credentials import AccountPlan
from cex.sandbox.faults.rules import Fault
from cex.sandbox.latency import Latency
from cex.sandbox.market.listings import DEFAULT_LISTINGS, Listing
from cex.sandbox.market.models import MarketModel, market_model, read_price_series, recorded
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.mexc.options import MexcOptions

__all__ = ["Scenario", "ScenarioError", "read_scenario"]

T = TypeVar("T")

_SECTIONS = ("seed", "tick", "history", "listings", "market", "latency", "mexc", "gateio", "accounts", "faults")
_VENUES = ("mexc", "gateio")
_ACCOUNT = ("venue", "name", "key", "secret", "permissions", "ips", "funds")


class ScenarioError(ValueError):
    """A scenario file that says something impossible: where in it, what, and what there is instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What a file says; what it leaves out is as :class:`cex.sandbox.Sandbox` has it."""

    seed: int = 7
    tick: float = 0.02
    history: int = 20_000
    listings: tuple[Listing, ...] = DEFAULT_LISTINGS
    model: MarketModel | None = None
    latency: Mapping[str, Latency] = field(default_factory=dict)
    mexc: MexcOptions = field(default_factory=MexcOptions)
    gateio: GateioOptions = field(default_factory=GateioOptions)
    accounts: tuple[AccountPlan, ...] = ()
    faults: tuple[Fault, ...] = ()

    def settings(self) -> dict[str, Any]:
        """As :class:`cex.sandbox.Sandbox` takes them."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def read_scenario(path: Path) -> Scenario:
    """The scenario in a file; paths in it are relative to it.

    Raises:
        OSError: the file cannot be read.
        ScenarioError: it is no TOML, or something in it makes no sense.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: not TOML: {error}") from None
    try:
        return _scenario(content, path.parent)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from None


def _scenario(content: Mapping[str, Any], folder: Path) -> Scenario:
    _known("", content, _SECTIONS)
    said: dict[str, Any] = {}
    for name, kind in (("seed", int), ("tick", float), ("history", int)):
        if name in content:
            said[name] = _converted(name, content[name], kind)
    if "listings" in content:
        said["listings"] = _listings(content["listings"])
    if "market" in content:
        said["model"] = _model(content["market"], folder)
    if "latency" in content:
        _known("latency", _table("latency", content["latency"]), _VENUES)
        said["latency"] = {venue: _options(f"latency.{venue}", of, Latency) for venue, of in content["latency"].items()}
    if "mexc" in content:
        said["mexc"] = _options("mexc", content["mexc"], MexcOptions)
    if "gateio" in content:
        said["gateio"] = _options("gateio", content["gateio"], GateioOptions)
    said["accounts"] = tuple(_account(where, one) for where, one in _entries("accounts", content))
    said["faults"] = tuple(_fault(where, one) for where, one in _entries("faults", content))
    return Scenario(**said)


def _listings(names: object) -> tuple[Listing, ...]:
    wanted = _converted("listings", names, list[str])
    listed = {str(listing.symbol): listing for listing in DEFAULT_LISTINGS}
    for name in wanted:
        if name not in listed:
            raise ScenarioError(f"listings: no {name!r}; there are {', '.join(listed)}")
    return tuple(listed[name] for name in dict.fromkeys(wanted))


def _model(content: object, folder: Path) -> MarketModel:
    market = _table("market", content)
    _known("market", market, ("model", "recorded"))
    if "recorded" in market:
        files = _converted("market.recorded", market["recorded"], dict[str, str])
        try:
            return recorded({symbol: read_price_series(folder / name) for symbol, name in files.items()})
        except (OSError, ValueError) as error:
            raise ScenarioError(f"market.recorded: {error}") from None
    try:
        return market_model(_converted("market.model", market.get("model", "random-walk"), str))
    except KeyError as error:
        raise ScenarioError(f"market.model: {error.args[0]}") from None


def _account(where: str, content: Mapping[str, Any]) -> AccountPlan:
    _known(where, content, _ACCOUNT)
    for name in ("venue", "name"):
        if name not in content:
            raise ScenarioError(f"{where}: an account needs a {name}")
    if content["venue"] not in _VENUES:
        raise ScenarioError(f"{where}.venue: no {content['venue']!r}; there are {', '.join(_VENUES)}")
    said = {name: _converted(f"{where}.{name}", content[name], str) for name in ("name", "key", "secret")
            if name in content}  # fmt: skip
    if "permissions" in content:
        said["permissions"] = _converted(f"{where}.permissions", content["permissions"], frozenset[Permission])
    if "ips" in content:
        said["ips"] = _converted(f"{where}.ips", content["ips"], tuple[str, ...])
    if "funds" in content:
        said["funds"] = _funds(f"{where}.funds", content["funds"])
    return AccountPlan(venue=content["venue"], **said)


def _funds(where: str, content: object) -> dict[str, dict[str, Decimal]]:
    wallets = _table(where, content)
    _known(where, wallets, (SPOT, FUTURES_USDT))
    funds: dict[str, dict[str, Decimal]] = {}
    for wallet, assets in wallets.items():
        funds[wallet] = {}
        for asset, amount in _table(f"{where}.{wallet}", assets).items():
            try:
                funds[wallet][asset] = Decimal(str(amount))
            except InvalidOperation:
                raise ScenarioError(f"{where}.{wallet}.{asset}: {amount!r} is no amount") from None
            if not (funds[wallet][asset].is_finite() and funds[wallet][asset] >= 0):
                raise ScenarioError(f"{where}.{wallet}.{asset}: an amount is zero or more, not {amount!r}")
    return funds


def _fault(where: str, content: Mapping[str, Any]) -> Fault:
    if not isinstance(content.get("kind"), str):
        raise ScenarioError(f"{where}: a fault needs a kind")
    try:
        return Fault.of(**content)
    except ValueError as error:
        raise ScenarioError(f"{where}: {error}") from None


def _options(where: str, content: object, kind: type[T]) -> T:
    """A dataclass of options from a table."""
    table = _table(where, content)
    _known(where, table, tuple(one.name for one in fields(kind)))  # type: ignore[arg-type]
    try:
        converted: T = _converted(where, table, kind)
        return converted
    except ScenarioError:
        raise
    except ValueError as error:
        raise ScenarioError(f"{where}: {error}") from None


def _entries(name: str, content: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    entries = content.get(name, [])
    if not isinstance(entries, list):
        raise ScenarioError(f"{name}: write [[{name}]] above each of them")
    return [(f"{name}[{number}]", _table(f"{name}[{number}]", one)) for number, one in enumerate(entries, 1)]


def _table(where: str, content: object) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise ScenarioError(f"{where}: a table is expected, not {content!r}")
    return content


def _known(where: str, content: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in content:
        if name not in names:
            place = f"{where}: " if where else ""
            raise ScenarioError(f"{place}nothing is called {name!r} here; there are {', '.join(names)}")


def _converted(where: str, value: object, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise ScenarioError(f"{where}{path.rstrip('`')}: {message}") from None
