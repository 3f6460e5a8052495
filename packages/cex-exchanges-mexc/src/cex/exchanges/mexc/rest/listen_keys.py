"""The keys that open an account's private streams. https://www.mexc.com/api-docs/spot-v3/websocket-user-data-streams"""

from __future__ import annotations

from cex.common.redaction import Secret
from cex.exchanges.mexc.constants import LISTEN_KEY_PATH
from cex.exchanges.mexc.decode.parsing import parse
from cex.exchanges.mexc.rest.signed import SignedCalls
from cex.exchanges.mexc.wire.account import listen_key_decoder, listen_keys_decoder
from cex.networking import Priority

__all__ = ["ListenKeys"]


class ListenKeys:
    """Makes, extends and deletes listen keys of one account; each valid for 60 minutes after it was last extended.

    They go before queries, as orders do: without a key nothing is heard of orders.
    """

    def __init__(self, call: SignedCalls) -> None:
        self._call = call

    async def create(self) -> Secret:
        """``POST /api/v3/userDataStream``: a new key, whatever others there are."""
        answer = await self._call("POST", LISTEN_KEY_PATH, "create_listen_key", priority=Priority.PLACE)
        return Secret(parse(listen_key_decoder, answer.body, LISTEN_KEY_PATH).listen_key)

    async def renew(self, key: Secret) -> None:
        """``PUT /api/v3/userDataStream``; ExchangeRejectedException says that the key is not valid any more."""
        params = {"listenKey": key.reveal()}
        await self._call("PUT", LISTEN_KEY_PATH, "extend_listen_key", params, priority=Priority.PLACE, idempotent=True)

    async def delete(self, key: Secret) -> None:
        """``DELETE /api/v3/userDataStream``, which ends the streams that it opened."""
        params = {"listenKey": key.reveal()}
        await self._call(
            "DELETE", LISTEN_KEY_PATH, "delete_listen_key", params, priority=Priority.CANCEL, idempotent=True
        )

    async def valid(self) -> list[Secret]:
        """``GET /api/v3/userDataStream``: every valid key of this user, whoever made it."""
        answer = await self._call("GET", LISTEN_KEY_PATH, "listen_keys")
        return [Secret(key) for key in parse(listen_keys_decoder, answer.body, LISTEN_KEY_PATH).listen_key]
