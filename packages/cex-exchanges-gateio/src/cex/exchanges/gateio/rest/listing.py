"""The instruments of all markets that are served, into one catalogue."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from cex.common.types.instruments import Instrument
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.gateio.constants import EXCHANGE
from cex.exchanges.gateio.rest.market import MarketRest

__all__ = ["load_instruments"]

logger = logging.getLogger(__name__)


async def load_instruments(catalogue: InstrumentCatalogue, markets: Iterable[MarketRest]) -> InstrumentCatalogue:
    """Ask each market for its list and put them into ``catalogue``, whole.

    A row that cannot be used is left out, counted and logged.
    """
    listed: list[Instrument] = []
    for rest in markets:
        found, left_out = await rest.instruments()
        listed += found
        if left_out:
            logger.warning(
                "%d of %d instruments left out, the first is %s",
                len(left_out),
                len(left_out) + len(found),
                left_out[0],
                extra={"exchange": EXCHANGE},
            )
    catalogue.replace(listed)
    return catalogue
