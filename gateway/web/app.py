"""The routes, and the service. A route says what is asked and of whom; one method has it pass the exchange."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from klein import Klein
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ..directory.answers import Found, Page
from ..directory.names import maybe_login
from ..directory.viewers import Viewer
from ..house import House
from ..operate import health
from ..operate.exchange import Asked, Limited, Outcome, outcome
from . import lists, policy, target
from .assets import Assets
from .formats import Format, split
from .http import Request, Site
from .pages import Headers, Pages
from .reply import JSON, PRIVATE, PUBLIC, TEXT, Reply
from .settings import Web

FAREWELL = 1.0  # seconds that open connections get when the service stops
READ = ["GET"]  # and HEAD, which werkzeug adds

Answered = tuple[Reply, Outcome]


class App:
    """What is served at which address. A handler gives the body; everything else of an answer is set by then."""

    app = Klein()
    # Twisted knows neither our scheme nor our port: a redirect made by werkzeug would lead elsewhere.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.url_map.redirect_defaults = False

    def __init__(self, house: House) -> None:
        self._house = house
        self._assets = Assets()
        self.pages = Pages(house, self._assets)
        self.site = Site(house, self.app.resource(), self.pages, self.allowed)

    def reload(self, house: House) -> None:
        self._house = house
        self.pages = Pages(house, self._assets)
        self.site.reload(house, self.pages)

    def allowed(self, path: str) -> list[str]:
        """The methods that *path* takes, none where there is nothing; "*" is all of the server."""
        methods = set(READ) if path == "*" else set(self.app.url_map.bind("").allowed_methods(path))
        return sorted(methods | {"HEAD", "OPTIONS"}) if methods else []

    # routes

    @app.route("/", methods=READ)
    async def front(self, request: Request) -> bytes:
        async def answer(viewer: Viewer) -> Answered:
            newest = await self._house.directory.newest(viewer, lists.NEWEST)
            online = await self._house.directory.online(viewer, Page(limit=lists.ON))
            return lists.front(self.pages, newest, online, viewer, request.format), outcome(newest)

        return await self._exchanged(request, "list", "", answer)

    @app.route("/users", methods=READ)
    @app.route("/online", methods=READ)
    async def listed(self, request: Request) -> bytes:
        if request.where.endswith("/"):
            return self._missing(request, 404)
        try:
            asked = lists.asked(request.uri.decode("latin-1"), request.where)
        except target.Bad as bad:
            return self._missing(request, bad.code)

        async def answer(viewer: Viewer) -> Answered:
            directory = self._house.directory
            found = await (
                directory.online(viewer, asked.page)
                if asked.path == "/online"
                else directory.listing(asked.q, viewer, asked.page)
            )
            return lists.answer(self.pages, asked, found, viewer, request.format), outcome(found)

        return await self._exchanged(request, "search" if asked.q else "list", asked.q, answer)

    @app.route("/users/<name>", methods=READ)
    async def person(self, request: Request, name: str) -> bytes:
        asked, forced = split(name)
        canonical = maybe_login(asked)
        if canonical is not None and (canonical != asked or request.where.endswith("/")):
            return self._moved(request, canonical, forced, PUBLIC)

        async def answer(viewer: Viewer) -> Answered:
            found = await self._house.directory.lookup(asked, viewer)
            if isinstance(found, Found) and found.profile.login != asked:
                return _redirect(found.profile.login, forced, PRIVATE), outcome(found)
            return self.pages.answer(found, request.format, forced is not None), outcome(found)

        return await self._exchanged(request, "lookup", asked, answer)

    @app.route("/policy", methods=READ)
    @app.route("/policy.html", methods=READ)
    @app.route("/policy.json", methods=READ)
    @app.route("/policy.txt", methods=READ)
    async def what_is_shown(self, request: Request) -> bytes:
        async def answer(_: Viewer) -> Answered:
            return policy.answer(self._house, self.pages, request.format, split(request.where)[1] is not None), "served"

        return await self._exchanged(request, "page", "", answer)

    @app.route("/healthz", methods=READ)
    def lives(self, request: Request) -> bytes:
        return self._probed(request, 200, health.lives(request.format is Format.JSON))

    @app.route("/readyz", methods=READ)
    async def ready(self, request: Request) -> bytes:
        troubles = await self._house.health.troubles()
        return self._probed(request, *health.readiness(troubles, request.format is Format.JSON))

    @app.route("/~<name>", methods=READ)
    def home(self, request: Request, name: str) -> bytes:
        return self._moved(request, maybe_login(name) or name, None, PUBLIC)

    @app.route("/static/<name>", methods=READ)
    def static(self, request: Request, name: str) -> bytes:
        reply = self._assets.get(name)
        return self._missing(request, 404) if reply is None else request.prepared(reply)

    @app.handle_errors(HTTPException)  # type: ignore[arg-type]  # our Request is more than IRequest
    def unrouted(self, request: Request, failure: Failure) -> bytes:
        """No such address, or not by this method."""
        error = failure.value
        if isinstance(error, MethodNotAllowed):
            allowed = self.allowed(request.where)
            return self._missing(request, 405, (("Allow", ", ".join(allowed)),))
        return self._missing(request, 404)

    # how they answer

    async def _exchanged(
        self, request: Request, verb: str, query: str, answer: Callable[[Viewer], Awaitable[Answered]]
    ) -> bytes:
        """One question: limited, counted, recorded, whatever comes of it."""
        viewer = self._house.viewers.from_address("web", request.address)
        exchange = self._house.exchanges.open(Asked("web", verb, query, request.address, viewer.login))
        try:
            if isinstance(exchange, Limited):
                body = request.prepared(self.pages.limited(exchange.seconds, request.format))
                exchange.close("limited", len(body))
                return body
            reply, how = await answer(viewer)
            body = request.prepared(reply)
            exchange.close(how, len(body))
            return body
        except CancelledError:
            exchange.close("gone")
            raise
        except Exception:
            reference = self.site.failed(Failure())
            body = request.prepared(self.pages.internal(request.format, reference))
            exchange.close("error", len(body), reference)
            return body

    def _probed(self, request: Request, code: int, told: bytes) -> bytes:
        """What programs ask each second: no question, so neither limited nor recorded, only counted."""
        body = request.prepared(Reply(told, JSON if request.format is Format.JSON else TEXT, code))
        self._house.exchanges.count("web", "probe", "served" if code == 200 else "unavailable")
        return body

    def _moved(self, request: Request, login: str, forced: Format | None, cache: str) -> bytes:
        """To the canonical address, as the syntax alone tells it."""
        body = request.prepared(_redirect(login, forced, cache))
        request.note("served", len(body))
        return body

    def _missing(self, request: Request, code: int, headers: Headers = ()) -> bytes:
        body = request.prepared(self.pages.error(code, request.format, headers))
        request.note("unknown" if code == 404 else "invalid", len(body))
        return body


def _redirect(login: str, forced: Format | None, cache: str) -> Reply:
    """A path alone, so that neither a Host header nor a proxy can lead it astray."""
    location = f"/users/{quote(login, safe='')}{forced.value if forced else ''}"
    return Reply(b"", code=308, cache=cache, headers=(("Location", location),))


class WebService(Service):
    """Holds the site; application.py listens with it and has waited for the answers when this is stopped."""

    def __init__(self, settings: Web, house: House) -> None:
        self.app = App(house)
        self.factory = self.app.site

    def reload(self, settings: Web, house: House) -> None:
        """What is asked from now on is answered by these, whenever the connection was made."""
        self.app.reload(house)

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        return self.factory.connections.end(FAREWELL)


def make(settings: Web, house: House) -> WebService:
    """The web service of *house*."""
    return WebService(settings, house)
