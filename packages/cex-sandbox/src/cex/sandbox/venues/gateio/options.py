"""What can be set about the simulated Gate.io; the defaults are the documented or measured behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cex.sandbox.accounts.futures.checks import Manners
from cex.sandbox.accounts.options import DeskOptions
from cex.sandbox.accounts.wallet import WalletOptions

__all__ = ["GateioOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateioOptions:
    """Times in seconds. https://www.gate.com/docs/developers/apiv4/en/#frequency-limit-rule

    ``requests`` per ``window`` is the budget of each public endpoint and IP; ``limits`` replaces the capacity of a
    private budget by its name (:mod:`cex.sandbox.venues.gateio.pools`). ``rest_lag`` is how far the REST book may
    be behind the stream (drawn anew for each request). ``idle`` ends a socket without subscription and client frames.
    ``snapshot_before_ack`` is whether the full frame of ``obu`` overtakes the acknowledgement. ``time_window`` is how
    far a signed request's time may be off, ``connections`` how many sockets an IP may have open.

    What the documents leave open: ``not_logged_in`` is the label of a WebSocket order before the login,
    ``missing_header_status`` the HTTP status of a request without credentials, ``post_only`` and ``fok`` whether an
    order that would take, or cannot be filled whole, is refused or created and cancelled at once, ``duplicate_text``
    whether a second live order of the same custom id is refused, ``text_lookup`` for how long a custom id still finds
    an order that has finished, ``repeated_subscribe`` what a second identical subscription gets,
    ``market_buy_residue`` the status of a market buy that left a remainder smaller than a step, ``full_update``
    whether the first ``order_book_update`` is a whole book. ``address_generation`` is for how long a new deposit
    address is only being generated. ``futures_text_lookup`` is ``text_lookup`` of futures,
    ``futures_first_order_id`` where their order ids start (above 2 ** 53 to see who reads them as floats), and
    ``untouched_position`` what a position gets that was never touched: POSITION_NOT_FOUND, or a row of zeros.
    """

    requests: int = 200
    window: float = 10.0
    limits: Mapping[str, int] = field(default_factory=dict, hash=False)
    rest_lag: float = 0.0
    idle: float = 30.0
    snapshot_before_ack: bool = True
    time_window: float = 60.0
    connections: int = 300
    not_logged_in: str = "INVALID_CREDENTIALS"
    missing_header_status: Literal[400, 401] = 400
    post_only: Literal["refused", "cancelled"] = "refused"
    fok: Literal["refused", "cancelled"] = "refused"
    duplicate_text: Literal["refused", "accepted"] = "refused"
    text_lookup: float = 3600.0
    repeated_subscribe: Literal["acknowledged", "refused"] = "acknowledged"
    market_buy_residue: Literal["closed", "cancelled"] = "closed"
    full_update: bool = False
    futures_text_lookup: float = 60.0
    futures_first_order_id: int = 74_046_510
    untouched_position: Literal["refused", "flat"] = "refused"
    address_generation: float = 0.0
    wallet: WalletOptions = field(default_factory=WalletOptions)

    @property
    def desk(self) -> DeskOptions:
        """The spot desk that behaves so."""
        return DeskOptions(
            unique_client_ids="open" if self.duplicate_text == "refused" else "",
            refuse_post_only=self.post_only == "refused",
            refuse_fok=self.fok == "refused",
        )

    @property
    def futures_manners(self) -> Manners:
        """How the futures desk behaves then."""
        return Manners(
            unique_text=self.duplicate_text == "refused",
            refuse_post_only=self.post_only == "refused",
            refuse_fok=self.fok == "refused",
        )
