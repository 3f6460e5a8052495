"""What can be set about the simulated MEXC; the defaults are the documented or measured behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cex.sandbox.accounts.options import DeskOptions

__all__ = ["MexcOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MexcOptions:
    """Times in seconds. https://www.mexc.com/api-docs/spot-v3/general-info

    Budgets: ``weight_limit`` and ``uid_weight_limit`` count weights in ``weight_window`` by IP and by account
    (``independent_weights``: for every endpoint apart, as older texts have it); placing and cancelling share
    ``order_limit`` a second and account, batches and account queries have limits a second of their own.
    ``retry_after`` adds the documented, never observed header to a 429 and a 418. ``waf`` is the guard in front of
    everything, which answers 403 with HTML for ``waf_seconds`` after a burst of ``waf_burst`` (refilled by ``waf_rate``
    a second). ``ban_after`` requests refused in one window end in a 418 for ``ban_seconds``, twice as long each time.

    Authentication: ``strict_encoding`` refuses what is signed with lower-case escapes or ``+``; ``most_recv_window`` is
    in ms.

    Trading: ``rest_lag`` is how far the REST book may be behind the stream (drawn anew for each request).
    ``limit_maker_crossing``: a post-only order that would take is accepted and cancelled, or refused.
    ``unique_client_ids``: whether a client id may be used again (see ``DeskOptions``).
    ``oversold``: a sale beyond the balance is refused with 30005 instead of 30004. ``cancel_reply`` shows the status
    before the cancel, or CANCELED as documented. ``both_ids`` is which id counts when two are sent. ``whole_seconds``:
    times of orders and trades read by REST are cut to seconds. ``most_trades`` caps a page of ``myTrades``.

    Wallet: ``wallet_refusals_with_200`` refuses movements with HTTP 200; ``bare_transfer_reply`` answers a transfer
    with an object instead of a list of one.

    Listen keys: ``listen_key_seconds`` is their validity. An unknown key is refused in the handshake, or the socket is
    closed at once; with an expired one the socket falls silent, or is closed. ``counted_listen_keys`` is the newer form
    of the list. ``answer_pings`` concerns pings of RFC 6455.
    """

    weight_limit: int = 300
    weight_window: float = 10.0
    uid_weight_limit: int = 500
    independent_weights: bool = False
    order_limit: int = 12
    batch_limit: int = 2
    account_limit: int = 2
    retry_after: bool = False
    waf: bool = False
    waf_burst: int = 120
    waf_rate: float = 25.0
    waf_seconds: float = 60.0
    ban_after: int | None = None
    ban_seconds: float = 120.0

    strict_encoding: bool = True
    most_recv_window: int = 60_000

    rest_lag: float = 0.0
    limit_maker_crossing: Literal["cancel", "refuse"] = "cancel"
    unique_client_ids: Literal["", "open", "known"] = ""
    max_open_orders: int = 500
    oversold: bool = False
    cancel_reply: Literal["before", "canceled"] = "before"
    both_ids: Literal["order", "client"] = "order"
    whole_seconds: bool = True
    most_trades: int = 100

    wallet_refusals_with_200: bool = False
    bare_transfer_reply: bool = False

    listen_key_seconds: float = 3600.0
    most_listen_keys: int = 60
    most_sockets_per_key: int = 5
    counted_listen_keys: bool = False
    unknown_listen_key: Literal["refuse", "close"] = "refuse"
    expired_listen_key: Literal["silent", "close"] = "silent"

    max_subscriptions: int = 30
    idle_without_subscription: float = 30.0
    idle_without_data: float = 60.0
    lifetime: float = 86_400.0
    answer_pings: bool = False

    def desk(self) -> DeskOptions:
        """The rules of MEXC's spot desk."""
        return DeskOptions(
            max_open_orders=self.max_open_orders,
            unique_client_ids=self.unique_client_ids,
            refuse_post_only=self.limit_maker_crossing == "refuse",
            refuse_fok=False,
            refuse_empty=True,
        )
