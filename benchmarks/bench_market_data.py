"""Market data from the frame to one subscriber, against the plain reference and against ccxt.pro."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from functools import partial
from pathlib import Path

from ccxt_environment import ccxt_python
from cex.common.book.side import COMPILED
from harness import Case, Comparison, InProcess, Passes, Result, Worker, compare_contenders
from market_contenders import Plain, Product
from market_frames import MARKETS, Sample, make_sample

__all__ = ["CASES"]

CCXT = Path(__file__).with_name("ccxt_worker.py")
PRODUCT = Path(__file__).with_name("product_worker.py")
CONTENDERS = {
    "plain": "the plain reference",
    "uncompiled": "the product without the compiled sides of its books",
    "ccxt": "ccxt.pro",
}
STREAMS = {"depth-10": ("depth", 10), "depth-40": ("depth", 40), "ticker": ("ticker", 0), "trade": ("trade", 0)}
CCXT_TARGETS = {"depth-10": 1 / 6}
"""What we may cost at most of what ccxt.pro costs."""


def measure(market: str, stream: str, rounds: int) -> list[Result]:
    kind, levels = STREAMS[stream]
    sample = make_sample(market, kind, levels)
    ours = InProcess(Product(sample))
    others: dict[str, Passes] = {"plain": InProcess(Plain(sample))}
    name = f"{stream}-{market}"
    python, reason = ccxt_python()
    with contextlib.ExitStack() as stack:
        if kind == "depth" and COMPILED:
            uncompiled = [sys.executable, str(PRODUCT), market, kind, str(levels)]
            others["uncompiled"] = stack.enter_context(Worker(uncompiled, {"CEX_NO_EXTENSIONS": "1"}))
        if python is not None:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "sample.json"
            sample.write(path)
            others["ccxt"] = stack.enter_context(Worker([python, str(CCXT), str(path)]))
        found = compare_contenders(ours, others, rounds)
    results = [_result(f"{name}-{other}", other, stream, sample, compared) for other, compared in found.items()]
    if python is None:
        results.append(Result(f"{name}-ccxt", f"a frame, the product / {CONTENDERS['ccxt']}", skipped=reason))
    return results


def _result(name: str, other: str, stream: str, sample: Sample, found: Comparison) -> Result:
    details: dict[str, object] = {
        "times_faster": 1 / found.ratio,
        "ours_us": found.ours / len(sample.frames) * 1e6,
        f"{other}_us": found.theirs / len(sample.frames) * 1e6,
    }
    if stream.startswith("depth"):
        details["compiled"] = COMPILED
    target = CCXT_TARGETS.get(stream) if other == "ccxt" else None
    return Result(name, f"a frame, the product / {CONTENDERS[other]}", found.ratio, target=target, details=details)


CASES = [Case(f"{stream}-{market}", partial(measure, market, stream)) for stream in STREAMS for market in MARKETS]
