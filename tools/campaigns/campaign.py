"""Long proofs against the sandbox, each from one printed seed: `python3 tools/dev.py campaign KIND`.

Everything runs in memory: orders under faults in virtual time, so that hours of timeouts and expiries pass in minutes;
the others as fast as they can be computed. The same seed fails in the same way again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What is random about the sandbox's own tests is random here too.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packages" / "cex-sandbox" / "tests" / "generators"))

from cex.sandbox.virtual import run_virtual
from fuzz_campaign import FuzzPlan, run_fuzz
from market_campaign import LOOPS, MarketPlan, compare_loops
from order_campaign import Campaign, Plan
from sequence_campaign import SequencePlan, play_sequences

__all__ = ["main"]

START_NS = 1_790_000_000_000_000_000

Report = tuple[bool, dict[str, Any]]
"""Whether nothing was found, and what is told."""


def main(arguments: list[str]) -> int:
    """Exit code 0 when the campaign found nothing wrong, 1 when it did, 2 when it was asked for in a wrong way."""
    chosen = _parser().parse_args(arguments)
    started = time.monotonic()
    run: Callable[[argparse.Namespace], Report] = chosen.run
    try:
        passed, report = run(chosen)
    except (ValueError, ModuleNotFoundError) as error:
        print(f"campaign: {error}", file=sys.stderr)
        return 2
    told = {"seed": chosen.seed, **report, "real_seconds": round(time.monotonic() - started, 1)}
    if chosen.json:
        print(json.dumps(told))
    else:
        for name, value in told.items():
            print(f"{name:<24} {json.dumps(value) if isinstance(value, (dict, list)) else value}")
    return 0 if passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="campaign", description="Long proofs against the sandbox.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    orders = _kind(kinds, "orders", _orders, "is the outcome of every order known, whatever fails?")
    orders.add_argument("--orders", type=int, default=1000)
    orders.add_argument("--traders", type=int, default=8, help="at once, a market")
    orders.add_argument("--markets", default="mexc,gateio,gateio-futures", help="of these, comma-separated")
    orders.add_argument("--order-entry", choices=("rest", "websocket"), default="rest", help="Gate.io: by which way")
    orders.add_argument("--key-expiries", type=int, default=0, help="at least as many listenKeys expire")
    orders.add_argument("--quiet", action="store_true", help="no faults at all")
    market = _kind(kinds, "market", _market, "the same events from the same seed and orders, on every event loop?")
    market.add_argument("--events", type=int, default=1_000_000, help="of books and accounts, at least")
    market.add_argument("--loop", choices=(*LOOPS, "both"), default="both", help="each in a process of its own")
    sequences = _kind(kinds, "sequences", _sequences, "is anything made, lost, or served out of turn?")
    sequences.add_argument("--count", type=int, default=10_000, help="of sequences, on spot and on futures each")
    sequences.add_argument("--steps", type=int, default=30, help="in each sequence")
    fuzz = _kind(kinds, "fuzz", _fuzz, "a documented answer to whatever comes, and nothing lost?")
    fuzz.add_argument("--requests", type=int, default=100_000, help="requests and frames together")
    return parser


def _kind(
    kinds: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], Report],
    question: str,
) -> argparse.ArgumentParser:
    parser = kinds.add_parser(name, help=question)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.set_defaults(run=run)
    return parser


def _orders(chosen: argparse.Namespace) -> Report:
    plan = Plan(
        seed=chosen.seed,
        orders=chosen.orders,
        traders=chosen.traders,
        markets=tuple(chosen.markets.split(",")),
        order_entry=chosen.order_entry,
        key_expiries=chosen.key_expiries,
        faults=not chosen.quiet,
    )
    tell = _teller(chosen)
    campaign = Campaign(
        plan, lambda done, s: tell(f"{done:>8} of {plan.orders} orders, {s:,.0f} s of the market's time")
    )
    report = run_virtual(campaign.run, start_ns=START_NS)
    return campaign.is_flawless, report


def _market(chosen: argparse.Namespace) -> Report:
    plan = MarketPlan(seed=chosen.seed, events=chosen.events)
    loops = LOOPS if chosen.loop == "both" else (chosen.loop,)
    tell = _teller(chosen)
    report = compare_loops(plan, loops, lambda loop, done: tell(f"{loop:<8} {done:>10,} of {plan.events:,} events"))
    return report["identical"], report


def _sequences(chosen: argparse.Namespace) -> Report:
    plan = SequencePlan(count=chosen.count, steps=chosen.steps, seed=chosen.seed)
    tell = _teller(chosen)
    report = play_sequences(plan, lambda done: tell(f"{done:>8,} of {plan.count:,} sequences of each market"))
    return not report["failed"], report


def _fuzz(chosen: argparse.Namespace) -> Report:
    plan = FuzzPlan(requests=chosen.requests, seed=chosen.seed)
    tell = _teller(chosen)
    report = run_fuzz(plan, lambda done: tell(f"{done:>8,} of {plan.requests:,} requests and frames"))
    return not report["failed"], report


def _teller(chosen: argparse.Namespace) -> Callable[[str], None]:
    def tell(line: str) -> None:
        if not chosen.json:
            print(line, flush=True)

    return tell


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
