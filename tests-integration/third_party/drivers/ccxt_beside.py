"""An account through ccxt for a driver that has another client: `python ccxt_beside.py ANNOUNCEMENT MARKET`.

Each line of its input is a list of a method of :class:`CcxtAccount` and arguments; each line of its output the result.
It ends with its input.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal

import ccxt
from ccxt_rest import CcxtAccount
from ccxt_settings import MARKETS, settings

__all__ = ["main"]

AMOUNTS_LAST = {"place": 2, "buy": 1, "sell": 1}
"""How many of a method's last arguments are amounts."""


def main(text: str, name: str) -> None:
    announcement = json.loads(text)
    place = MARKETS[name]
    exchange = getattr(ccxt, place.exchange)(settings(name, announcement))
    account = CcxtAccount(exchange, place.symbol)
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        numbers = AMOUNTS_LAST.get(method, 0)
        given = [*arguments[: len(arguments) - numbers], *map(Decimal, arguments[len(arguments) - numbers :])]
        result = getattr(account, method)(*given)
        print(json.dumps(sorted(result) if isinstance(result, set) else result), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
