"""Market data from the frame to one subscriber, against the plain reference and against ccxt.pro."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from ccxt_environment import ccxt_python
from harness import Case, InProcess, Passes, Result, Worker, compare_contenders
from market_contenders import Plain, Product
from market_frames import MARKETS, Sample, make_sample

__all__ = ["CASES"]

WORKER = Path(__file__).with_name("ccxt_worker.py")
STREAMS = {"depth-10": ("depth", 10), "depth-40": ("depth", 40), "ticker": ("ticker", 0), "trade": ("trade", 0)}
CCXT_TARGETS = {"depth-10": 1 / 6}
"""What we may cost at most of what ccxt.pro costs."""


def measure(market: str, stream: str, rounds: int) -> list[Result]:
    kind, levels = STREAMS[stream]
    sample = make_sample(market, kind, levels)
    ours, plain = InProcess(Product(sample)), InProcess(Plain(sample))
    python, reason = ccxt_python()
    name = f"{stream}-{market}"
    if python is None:
        return [
            *_results(name, sample, ours, {"plain": plain}, None, rounds),
            Result(f"{name}-ccxt", "a frame, the product / ccxt.pro", skipped=reason),
        ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.json"
        sample.write(path)
        with Worker([python, str(WORKER), str(path)]) as ccxt:
            return _results(name, sample, ours, {"plain": plain, "ccxt": ccxt}, CCXT_TARGETS.get(stream), rounds)


def _results(
    name: str, sample: Sample, ours: Passes, others: dict[str, Passes], ccxt_target: float | None, rounds: int
) -> list[Result]:
    results = []
    for other, found in compare_contenders(ours, others, rounds).items():
        details: dict[str, object] = {
            "times_faster": 1 / found.ratio,
            "ours_us": found.ours / len(sample.frames) * 1e6,
            f"{other}_us": found.theirs / len(sample.frames) * 1e6,
        }
        what = f"a frame, the product / {'ccxt.pro' if other == 'ccxt' else 'the plain reference'}"
        target = ccxt_target if other == "ccxt" else None
        results.append(Result(f"{name}-{other}", what, found.ratio, target=target, details=details))
    return results


CASES = [Case(f"{stream}-{market}", partial(measure, market, stream)) for stream in STREAMS for market in MARKETS]
