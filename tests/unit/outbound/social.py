"""A host of the fediverse in memory: TLS is real, the wire is not."""

import json
import ssl
import tempfile
from typing import Any

import trustme
from twisted.internet.error import ConnectionAborted

from .network import Network

AUTHORITY = trustme.CA()


def response(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def document(told: Any) -> bytes:
    return response(json.dumps(told).encode(), "200 OK", "Content-Type: application/jrd+json")


def redirect(location: str) -> bytes:
    return response(b"", "302 Found", f"Location: {location}")


class Host:
    """The far end of the newest connection, with a certificate of *name*."""

    def __init__(self, network: Network, name: str, authority: trustme.CA = AUTHORITY) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(authority.issue_cert(name).private_key_and_cert_chain_pem.bytes())
            file.flush()
            context.load_cert_chain(file.name)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._network, self._end = network, network.takes()
        self.heard, self._closed = b"", False
        self._turn()

    @property
    def dropped(self) -> bool:
        """At once, not after a goodbye that this end may never return."""
        return self._end.dropped

    def says(self, *pieces: bytes) -> None:
        for each in pieces:
            self._tls.write(each)
            self._turn()

    def _turn(self) -> None:
        """All that either end has to say, until both are silent."""
        busy = True
        while busy:
            self._network.advance(0)
            came = self._end.heard
            self._end.transport.clear()
            self._in.write(came)
            try:
                if self._tls.version() is None or not self.heard:
                    self._tls.do_handshake()
                self.heard += self._tls.read(65536)
            except ssl.SSLError:
                pass  # it wants more, or the client has refused the certificate
            going = self._out.read()
            if going and not self.dropped:
                self._end.says(going)
            busy = bool(came or going)
        if self._end.transport.disconnecting and not self._closed:
            self._closed = True
            self._end.closes(ConnectionAborted() if self.dropped else None)
