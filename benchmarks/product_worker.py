"""The product in a process of its own, without the compiled sides of a book: `product_worker.py MARKET KIND LEVELS`."""

from __future__ import annotations

import json
import sys

from harness import InProcess
from market_contenders import Product
from market_frames import make_sample

__all__ = ["main"]


def main(market: str, kind: str, levels: str) -> None:
    """Answer each line with a number of repeats by CPU seconds and checksum, as ``harness.Worker`` asks."""
    contender = InProcess(Product(make_sample(market, kind, int(levels))))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(contender.run(int(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
