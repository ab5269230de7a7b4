"""The listener for Prometheus and for probers: /metrics, /healthz and /readyz, on a port of its own and never on the public
site. What is told stands in metrics.py and health.py.
"""

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.resource import Resource

from . import messages
from .health import Health, lives, readiness
from .metrics import Lag, Metrics, MetricsSources

IDLE = 60.0  # seconds that a scraper may keep its connection without a request
TEXT, JSON = "text/plain; charset=utf-8", "application/json"


class MetricsPage(Resource):
    """One address, for reading."""

    isLeaf = True

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        super().__init__()
        self.render_GET = answer


class MetricsRoot(Resource):
    """The addresses of the listener."""

    def __init__(self, registry: CollectorRegistry, health: Health) -> None:
        super().__init__()
        self._registry, self._health = registry, health
        self._log = Logger()
        for path, answer in ((b"metrics", self._metrics), (b"healthz", self._lives), (b"readyz", self._ready)):
            self.putChild(path, MetricsPage(answer))

    def getChild(self, path: bytes, request: Any) -> Resource:
        return MetricsPage(self._nothing)

    def _nothing(self, request: Any) -> bytes:
        request.setResponseCode(404)
        request.setHeader("content-type", TEXT)
        return f"{messages.NOTHING}\n".encode()

    def _metrics(self, request: Any) -> bytes:
        encode, kind = choose_encoder(request.getHeader("accept") or "")
        request.setHeader("content-type", kind)
        return encode(self._registry)

    def _lives(self, request: Any) -> bytes:
        return lives(self._json(request))

    def _ready(self, request: Any) -> int:
        json = self._json(request)
        asking = Deferred.fromCoroutine(self._health.troubles())
        request.notifyFinish().addErrback(lambda _: asking.cancel())
        asking.addCallback(lambda troubles: self._end(request, *readiness(troubles, json)))
        asking.addErrback(self._failed, request)
        return server.NOT_DONE_YET

    def _json(self, request: Any) -> bool:
        json = "json" in (request.getHeader("accept") or "")
        request.setHeader("content-type", JSON if json else TEXT)
        request.setHeader("cache-control", "no-store")
        return json

    def _end(self, request: Any, code: int, body: bytes) -> None:
        request.setResponseCode(code)
        request.setHeader("content-length", str(len(body)))
        request.write(body)
        request.finish()

    def _failed(self, failure: Failure, request: Any) -> None:
        if not failure.check(CancelledError):
            self._log.failure("readyz", failure)
            self._end(request, 500, b"")


class MetricsSite(server.Site):
    """Without an access log."""

    def startFactory(self) -> None:
        """No access log."""

    def stopFactory(self) -> None:
        """No access log."""

    def log(self, request: Any) -> None:
        """No access log."""


class MetricsServer(Service):
    """Holds the factory, with which application.py listens; watches the reactor while it runs."""

    def __init__(self, watched: MetricsSources, health: Health, reactor: Any) -> None:
        self._lag = Lag(reactor)
        registry = CollectorRegistry()
        registry.register(Metrics(watched, self._lag, reactor))
        ProcessCollector(registry=registry)
        self.factory = MetricsSite(
            MetricsRoot(registry, health), reactor=reactor, timeout=IDLE, parsePOSTFormSubmission=False
        )

    def startService(self) -> None:
        super().startService()
        self._lag.start()

    def stopService(self) -> None:
        super().stopService()
        self._lag.stop()
