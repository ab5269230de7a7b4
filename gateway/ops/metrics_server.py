"""The HTTP server for Prometheus and health checks: /metrics, /healthz and /readyz, on a port of its own.

It is never part of the public site. metrics.py and health.py make the answers.
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
from .health import Health, liveness_body, readiness_response
from .metrics import MetricsCollector, MetricsSources, ReactorLag

IDLE_TIMEOUT = 60.0  # seconds that a client may keep its connection open without a request
TEXT, JSON = "text/plain; charset=utf-8", "application/json"


class MetricsPage(Resource):
    """One path, answered to GET."""

    isLeaf = True

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        super().__init__()
        self.render_GET = answer


class MetricsRoot(Resource):
    """The root resource with all paths."""

    def __init__(self, registry: CollectorRegistry, health: Health) -> None:
        super().__init__()
        self._registry, self._health = registry, health
        self._log = Logger()
        for path, answer in ((b"metrics", self._metrics), (b"healthz", self._healthz), (b"readyz", self._readyz)):
            self.putChild(path, MetricsPage(answer))

    def getChild(self, path: bytes, request: Any) -> Resource:
        return MetricsPage(self._not_found)

    def _not_found(self, request: Any) -> bytes:
        request.setResponseCode(404)
        request.setHeader("content-type", TEXT)
        return f"{messages.NO_SUCH_PAGE}\n".encode()

    def _metrics(self, request: Any) -> bytes:
        encode, kind = choose_encoder(request.getHeader("accept") or "")
        request.setHeader("content-type", kind)
        return encode(self._registry)

    def _healthz(self, request: Any) -> bytes:
        return liveness_body(self._wants_json(request))

    def _readyz(self, request: Any) -> int:
        json = self._wants_json(request)
        asking = Deferred.fromCoroutine(self._health.find_problems())
        request.notifyFinish().addErrback(lambda _: asking.cancel())
        asking.addCallback(lambda troubles: self._respond(request, *readiness_response(troubles, json)))
        asking.addErrback(self._respond_to_failure, request)
        return server.NOT_DONE_YET

    def _wants_json(self, request: Any) -> bool:
        json = "json" in (request.getHeader("accept") or "")
        request.setHeader("content-type", JSON if json else TEXT)
        request.setHeader("cache-control", "no-store")
        return json

    def _respond(self, request: Any, code: int, body: bytes) -> None:
        request.setResponseCode(code)
        request.setHeader("content-length", str(len(body)))
        request.write(body)
        request.finish()

    def _respond_to_failure(self, failure: Failure, request: Any) -> None:
        if not failure.check(CancelledError):
            self._log.failure("readyz", failure)
            self._respond(request, 500, b"")


class MetricsSite(server.Site):
    """A Site without an access log."""

    def startFactory(self) -> None:
        """No access log."""

    def stopFactory(self) -> None:
        """No access log."""

    def log(self, request: Any) -> None:
        """No access log."""


class MetricsServer(Service):
    """Has the factory that application.py listens with; measures the reactor's lag while it runs."""

    def __init__(self, sources: MetricsSources, health: Health, reactor: Any) -> None:
        self._lag = ReactorLag(reactor)
        registry = CollectorRegistry()
        registry.register(MetricsCollector(sources, self._lag, reactor))
        ProcessCollector(registry=registry)
        self.factory = MetricsSite(
            MetricsRoot(registry, health), reactor=reactor, timeout=IDLE_TIMEOUT, parsePOSTFormSubmission=False
        )

    def startService(self) -> None:
        super().startService()
        self._lag.start()

    def stopService(self) -> None:
        super().stopService()
        self._lag.stop()
