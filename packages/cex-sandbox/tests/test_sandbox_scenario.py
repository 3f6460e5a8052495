from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cex.sandbox.accounts.directory import Permission
from cex.sandbox.accounts.ledger import SPOT
from cex.sandbox.credentials import AccountPlan
from cex.sandbox.faults import Fault
from cex.sandbox.latency import Latency
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.market.models import MARKET_MODELS
from cex.sandbox.market.simulation import Market
from cex.sandbox.scenario import Scenario, ScenarioError, read_scenario
from cex.sandbox.server import Sandbox

WHOLE = """
seed = 11
tick = 0.05
listings = ["BTC/USDT", "BTC/USDT:USDT"]

[market]
model = "thin-book"

[latency.mexc]
rest = 0.05
push_jitter = 0.01

[mexc]
listen_key_seconds = 5
retry_after = true

[gateio]
requests = 100

[[accounts]]
venue = "mexc"
name = "reader"
permissions = ["read"]
ips = ["10.0.0.1"]
funds.spot = { USDT = "10.5", BTC = 1 }

[[accounts]]
venue = "gateio"
name = "main"
key = "my-own-key"
secret = "my-own-secret"

[[faults]]
kind = "reset"
venue = "mexc"
after = 30
every = 60

[[faults]]
kind = "drop_delta"
probability = 0.001
"""


def read(folder: Path, text: str) -> Scenario:
    path = folder / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return read_scenario(path)


def test_everything_can_be_said(tmp_path: Path) -> None:
    scenario = read(tmp_path, WHOLE)
    assert (scenario.seed, scenario.tick) == (11, 0.05)
    assert [str(listing.symbol) for listing in scenario.listings] == ["BTC/USDT", "BTC/USDT:USDT"]
    assert scenario.model == MARKET_MODELS["thin-book"]
    assert scenario.latency == {"mexc": Latency(rest=0.05, push_jitter=0.01)}
    assert (scenario.mexc.listen_key_seconds, scenario.mexc.retry_after) == (5.0, True)
    assert scenario.gateio.requests == 100
    assert scenario.faults == (
        Fault.of("reset", venue="mexc", after=30, every=60),
        Fault.of("drop_delta", probability=0.001),
    )
    reader, main = scenario.accounts
    assert (reader.permissions, reader.ips) == (frozenset({Permission.READ}), ("10.0.0.1",))
    assert reader.funds == {"spot": {"USDT": Decimal("10.5"), "BTC": Decimal(1)}}
    assert main.key == "my-own-key"
    assert "my-own-secret" not in repr(scenario)
    sandbox = Sandbox(**scenario.settings())
    assert sandbox.credentials["gateio"][:2] == ("my-own-key", "my-own-secret")
    assert "my-own-secret" not in repr(sandbox.credentials)
    uid = sandbox.credentials_of("mexc", "reader").uid
    assert sandbox.ledgers["mexc"].holding(uid, SPOT, "USDT").free == Decimal("10.5")
    assert sandbox.credentials["mexc"].key.startswith("mx0v")


def test_nothing_said_is_what_the_sandbox_does_by_itself(tmp_path: Path) -> None:
    scenario = read(tmp_path, "")
    assert scenario == Scenario()
    assert Sandbox(**scenario.settings()).credentials == Sandbox().credentials


def test_recorded_prices(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("seconds,price\n0,84000\n10,50000\n", encoding="utf-8")
    scenario = read(tmp_path, '[market]\nrecorded = { "BTC/USDT" = "prices.csv" }\n')
    market = Market(seed=7, listings=scenario.listings[:1], model=scenario.model)
    for _ in range(450):
        market.step()
    assert float(market.book("mexc", "BTC/USDT").true_book().bids[0][0]) < 60_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed = ", "not TOML"),
        ("sed = 1", "nothing is called 'sed' here; there are seed, tick"),
        ('seed = "x"', "seed: Expected `int`, got `str`"),
        ('listings = ["X/Y"]', "listings: no 'X/Y'; there are BTC/USDT"),
        ("listings = 1", "listings: Expected `array`"),
        ("market = 1", "market: a table is expected, not 1"),
        ('[market]\nmodel = "stormy"', "market.model: no market model 'stormy'"),
        ('[market]\nkind = "stormy"', "market: nothing is called 'kind' here; there are model, recorded"),
        ('[market]\nrecorded = { "BTC/USDT" = "none.csv" }', "market.recorded: "),
        ("[latency.kraken]\nrest = 1", "latency: nothing is called 'kraken' here; there are mexc, gateio"),
        ("[latency.mexc]\nrest = -1", "latency.mexc: a latency is not negative"),
        ("[latency.mexc]\nspeed = 1", "latency.mexc: nothing is called 'speed' here; there are rest"),
        ('[mexc]\nlisten_key_seconds = "long"', "mexc.listen_key_seconds: Expected `float`, got `str`"),
        ("[gateio]\nrequest = 1", "gateio: nothing is called 'request' here; there are requests"),
        ("[[accounts]]\nname = 'x'", "accounts[1]: an account needs a venue"),
        ("[[accounts]]\nvenue = 'kraken'\nname = 'x'", "accounts[1].venue: no 'kraken'; there are mexc, gateio"),
        (
            "[[accounts]]\nvenue = 'mexc'\nname = 'x'\npermissions = ['all']",
            "accounts[1].permissions[0]: Invalid enum value 'all'",
        ),
        (
            "[[accounts]]\nvenue = 'mexc'\nname = 'x'\nfunds.spot.USDT = 'much'",
            "accounts[1].funds.spot.USDT: 'much' is no amount",
        ),
        (
            "[[accounts]]\nvenue = 'mexc'\nname = 'x'\nfunds.spot.USDT = -1",
            "accounts[1].funds.spot.USDT: an amount is zero or more, not -1",
        ),
        (
            "[[accounts]]\nvenue = 'mexc'\nname = 'x'\nfunds.margin.USDT = 1",
            "accounts[1].funds: nothing is called 'margin' here; there are spot, futures_usdt",
        ),
        ("[accounts]\nvenue = 'mexc'", "accounts: write [[accounts]] above each of them"),
        ("[[faults]]\nvenue = 'mexc'", "faults[1]: a fault needs a kind"),
        ("[[faults]]\nkind = 'reset'\n[[faults]]\nkind = 'explode'", "faults[2]: there is no fault 'explode'"),
        ("[[faults]]\nkind = 'reset'\nseconds = 3", "faults[1]: reset: unknown setting 'seconds'"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        read(tmp_path, text)
    told = str(refused.value)
    assert told.startswith(f"{tmp_path / 'scenario.toml'}: ")
    assert message in told


def test_accounts_of_one_name_are_refused() -> None:
    twice = [AccountPlan(venue="mexc", name="bot"), AccountPlan(venue="mexc", name="bot")]
    with pytest.raises(ValueError, match="mexc has two accounts 'bot'"):
        Sandbox(accounts=twice, listings=DEFAULT_LISTINGS[:1])
    with pytest.raises(ValueError, match="account 'bot': no venue 'kraken'; there are mexc, gateio"):
        Sandbox(accounts=[AccountPlan(venue="kraken", name="bot")], listings=DEFAULT_LISTINGS[:1])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_scenario(tmp_path / "none.toml")
