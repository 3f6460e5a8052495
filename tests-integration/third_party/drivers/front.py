"""For clients with the exchanges' own addresses built in: a proxy on this machine that leads those to the sandbox.

Clients find it by the usual variables (``HTTPS_PROXY``, ``SSL_CERT_FILE`` and their like), ask it for a tunnel to the
exchange's name, and trust its certificate for that name. They themselves stay as they are, URLs and TLS included.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import trustme

__all__ = ["Front"]

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE")
PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy")
CHUNK = 65536


class Front:
    """``with Front({"api.gateio.ws": url}) as front:``, before the client is imported. ``port`` is the proxy's."""

    port = 0

    def __init__(self, hosts: Mapping[str, str]) -> None:
        self._targets = {host: urlsplit(url) for host, url in hosts.items()}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="third-party-")
        authority = trustme.CA()
        bundle = Path(self._folder.name) / "authority.pem"
        authority.cert_pem.write_to_path(str(bundle))
        self._bundle = str(bundle)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*hosts).configure_cert(self._tls)

    def __enter__(self) -> Self:
        opened = threading.Event()

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            opened.set()
            await self._end.wait()
            server.close()

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        self._thread.start()
        opened.wait()
        os.environ.update(dict.fromkeys(CA_VARIABLES, self._bundle))
        os.environ.update(dict.fromkeys(PROXY_VARIABLES, f"http://127.0.0.1:{self.port}"))
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)
        self._folder.cleanup()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):  # it ends with the front
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            host = head.split()[1].partition(":")[0]
            target = self._targets.get(host)
            if not head.startswith("CONNECT ") or target is None:
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                writer.close()
                return
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.drain()
            await writer.start_tls(self._tls)
            there, to_there = await asyncio.open_connection(target.hostname, target.port)
            await asyncio.gather(_pass_on(reader, to_there), _pass_on(there, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
