"""Who is calling: signatures of REST requests, private channels and logins, in the documented order of checks.

Missing header, stale time, unknown key, signature, IP, permission; the first that fails is told.
https://www.gate.com/docs/developers/apiv4/en/#authentication
"""

from __future__ import annotations

import hashlib
import hmac
import math
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

from aiohttp import web

from cex.common.clock import Clock
from cex.sandbox.accounts.directory import Account, ApiKey, Directory, Permission
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.refusals import Refused

__all__ = ["Access", "Authenticator", "Caller", "rest_signature", "stream_signature", "trade_signature"]


class Access(StrEnum):
    """What a request wants to do; a key is allowed it or not."""

    READ = "read"
    WRITE = "write"
    WITHDRAW = "withdraw"


_NEEDED = {Access.READ: Permission.READ, Access.WRITE: Permission.TRADE, Access.WITHDRAW: Permission.WITHDRAW}


class Caller(NamedTuple):
    """The account that a request acts for, and the key it was signed with."""

    account: Account
    key: ApiKey

    @property
    def uid(self) -> int:
        return self.account.uid


def rest_signature(secret: str, method: str, path: str, query: str, body: bytes, timestamp: str) -> str:
    """``SIGN`` of a REST request; ``query`` is the decoded one, ``timestamp`` the header byte for byte."""
    return _hmac(secret, "\n".join((method, path, query, hashlib.sha512(body).hexdigest(), timestamp)))


def stream_signature(secret: str, channel: str, event: str, time: str) -> str:
    """``SIGN`` of a private subscription. https://www.gate.com/docs/developers/apiv4/ws/en/#authentication"""
    return _hmac(secret, f"channel={channel}&event={event}&time={time}")


def trade_signature(secret: str, channel: str, req_param: str, timestamp: str) -> str:
    """``signature`` of the WebSocket order API; a login has no ``req_param``."""
    return _hmac(secret, f"api\n{channel}\n{req_param}\n{timestamp}")


class Authenticator:
    """Knows the accounts of the venue; ``directory`` None is a venue that has none, where every key is unknown."""

    def __init__(self, directory: Directory | None, *, options: GateioOptions, clock: Clock) -> None:
        self._directory = directory
        self._options = options
        self._clock = clock

    def rest(self, request: web.Request, body: bytes, access: Access, scope: str) -> Caller:
        """The caller of a signed REST request that does ``access`` within ``scope``.

        Raises:
            Refused: with the documented status and label.
        """
        headers = {}
        for name in ("Timestamp", "KEY", "SIGN"):
            headers[name] = request.headers.get(name, "")
            if not headers[name]:
                message = f"Missing required header: {name}"
                raise Refused(self._options.missing_header_status, "MISSING_REQUIRED_HEADER", message)
        path, _, query = request.raw_path.partition("?")
        timestamp = headers["Timestamp"]
        self._check_time(timestamp)
        account, key = self._known(headers["KEY"])
        accepted = {
            rest_signature(key.secret, request.method, a_path, a_query, body, timestamp)
            for a_path in {path, unquote(path)}
            for a_query in {unquote(query), unquote_plus(query)}
        }
        if not any(_same(signature, headers["SIGN"]) for signature in accepted):
            raise Refused(401, "INVALID_SIGNATURE", "Signature mismatch")
        caller = Caller(account, key)
        self._check_origin(caller, request.remote)
        self.permit(caller, access, scope)
        return caller

    def channel(self, *, key: str, signature: str, channel: str, event: str, time: float, remote: str | None) -> Caller:
        """The caller of a signed subscription; ``time`` as the message has it.

        Raises:
            Refused: of which the message is what matters.
        """
        text = str(time)
        self._check_time(text)
        account, api_key = self._known(key)
        if not _same(stream_signature(api_key.secret, channel, event, text), signature):
            raise Refused(401, "INVALID_SIGNATURE", "Signature mismatch")
        caller = Caller(account, api_key)
        self._check_origin(caller, remote)
        self.permit(caller, Access.READ, channel.partition(".")[0])
        return caller

    def login(
        self, *, key: str, signature: str, channel: str, req_param: str, timestamp: str, remote: str | None
    ) -> Caller:
        """The caller who logs in to the WebSocket order API: signed with no parameters, or with those that were sent.

        Raises:
            Refused: with the status and label of the REST check.
        """
        self._check_time(timestamp)
        account, api_key = self._known(key)
        accepted = [trade_signature(api_key.secret, channel, signed, timestamp) for signed in ("", req_param)]
        if not any(_same(one, signature) for one in accepted):
            raise Refused(401, "INVALID_SIGNATURE", "Signature mismatch")
        caller = Caller(account, api_key)
        self._check_origin(caller, remote)
        return caller

    def permit(self, caller: Caller, access: Access, scope: str) -> None:
        """Let a caller do what the key is allowed to do.

        ``scope`` is the group of permissions: ``spot futures wallet withdrawal unified account``.

        Raises:
            Refused: READ_ONLY for a key that may only read there, FORBIDDEN for one that may not even that.
        """
        if caller.key.allows(_NEEDED[access], scope):
            return
        if access is Access.WRITE and caller.key.allows(Permission.READ, scope):
            raise Refused(403, "READ_ONLY", "API key is read-only")
        raise Refused(403, "FORBIDDEN", "Request API key does not have the permission")

    def _check_time(self, timestamp: str) -> None:
        now_s = self._clock.time_ns() / 1e9
        try:
            at = float(timestamp) if len(timestamp) < 40 else math.nan
        except ValueError:
            at = math.nan
        if math.isnan(at):
            raise Refused(400, "INVALID_PARAM_VALUE", "Invalid parameter `Timestamp`")
        if abs(at - now_s) > self._options.time_window:
            message = (
                f"gap between request Timestamp and server time exceeds {self._options.time_window:g} "
                f"current_time:{int(now_s)} header.timestamp:{timestamp}"
            )
            raise Refused(403, "REQUEST_EXPIRED", message)

    def _known(self, key: str) -> tuple[Account, ApiKey]:
        found = None if self._directory is None else self._directory.by_key(key)
        if found is None:
            raise Refused(401, "INVALID_KEY", "Invalid key provided")
        return found

    def _check_origin(self, caller: Caller, remote: str | None) -> None:
        if not caller.key.allows_ip(remote or ""):
            raise Refused(403, "IP_FORBIDDEN", f"Request IP {remote} is not in the whitelist of the API key")


def _hmac(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(errors="surrogateescape"), hashlib.sha512).hexdigest()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))
