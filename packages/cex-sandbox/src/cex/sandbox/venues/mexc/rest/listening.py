"""The life of a listen key by REST. https://www.mexc.com/api-docs/spot-v3/websocket-user-data-streams"""

from __future__ import annotations

from collections.abc import Callable

from cex.sandbox.venues.mexc.gateway import Endpoint, Signed
from cex.sandbox.venues.mexc.listen_keys import ListenKeys
from cex.sandbox.venues.mexc.options import MexcOptions

__all__ = ["Listening"]


class Listening:
    """Creates, lists, extends and deletes listen keys."""

    def __init__(self, keys: ListenKeys, *, options: MexcOptions) -> None:
        self._keys = keys
        self._options = options

    def endpoints(self) -> list[Endpoint]:
        """What is answered here."""
        by_method: dict[str, Callable[[Signed], object]] = {
            "POST": self.create,
            "GET": self.listed,
            "PUT": self.extend,
            "DELETE": self.delete,
        }
        return [
            Endpoint(method=method, path="/api/v3/userDataStream", signed=answer)
            for method, answer in by_method.items()
        ]

    def create(self, call: Signed) -> object:
        return {"listenKey": self._keys.create(call.account.uid)}

    def listed(self, call: Signed) -> object:
        keys, most = self._keys.of(call.account.uid), self._options.most_listen_keys
        if self._options.counted_listen_keys:
            return {"total": most, "listenKey": keys, "available": most - len(keys)}
        return {"listenKey": keys}

    def extend(self, call: Signed) -> object:
        key = call.params.required("listenKey")
        self._keys.extend(call.account.uid, key)
        return {"listenKey": key}

    def delete(self, call: Signed) -> object:
        key = call.params.required("listenKey")
        self._keys.delete(call.account.uid, key)
        return {"listenKey": key}
