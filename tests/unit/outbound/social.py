"""A fediverse host in memory, with real TLS but without a network."""

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


def document(jrd: Any) -> bytes:
    return response(json.dumps(jrd).encode(), "200 OK", "Content-Type: application/jrd+json")


def redirect(location: str) -> bytes:
    return response(b"", "302 Found", f"Location: {location}")


class FediverseHost:
    """The remote end of the newest connection, with a certificate for *name*."""

    def __init__(self, network: Network, name: str, authority: trustme.CA = AUTHORITY) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(authority.issue_cert(name).private_key_and_cert_chain_pem.bytes())
            file.flush()
            context.load_cert_chain(file.name)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._network, self._end = network, network.accept()
        self.received, self._closed = b"", False
        self._transfer()

    @property
    def aborted(self) -> bool:
        """Return whether the client has aborted the connection without waiting for a TLS close."""
        return self._end.aborted

    def send(self, *pieces: bytes) -> None:
        for each in pieces:
            self._tls.write(each)
            self._transfer()

    def _transfer(self) -> None:
        """Transfer data between both ends until neither has any more."""
        busy = True
        while busy:
            self._network.advance(0)
            received = self._end.received
            self._end.transport.clear()
            self._in.write(received)
            try:
                if self._tls.version() is None or not self.received:
                    self._tls.do_handshake()
                self.received += self._tls.read(65536)
            except ssl.SSLError:
                pass  # more data is needed, or the client has refused the certificate
            outgoing = self._out.read()
            if outgoing and not self.aborted:
                self._end.send(outgoing)
            busy = bool(received or outgoing)
        if self._end.transport.disconnecting and not self._closed:
            self._closed = True
            self._end.close(ConnectionAborted() if self.aborted else None)
