"""TLS of `ssl:` endpoints: versions 1.2 and 1.3, with AEAD ciphers and forward secrecy (ECDHE) only.

Twisted's own default also has older ciphers.
"""

from typing import Any

from twisted.internet.interfaces import IProtocolFactory

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2; all of 1.3 are such


class TLS12MinimumReactor:
    """A reactor for endpoints that make a TLS context of their own."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def listenSSL(  # noqa: N802
        self, port: int, factory: IProtocolFactory, contextFactory: Any, *more: Any, **named: Any  # noqa: N803
    ) -> Any:  # fmt: skip
        contextFactory.getContext().set_cipher_list(CIPHERS)
        return self._reactor.listenSSL(port, factory, contextFactory, *more, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)
