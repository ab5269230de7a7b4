"""The handlers of the routes (routes.py), and the service. A handler says what is asked and of whom; one method has it
pass the exchange."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from klein import Klein
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ..dependencies import ProtocolDependencies
from ..directory.addresses import Networks
from ..directory.answers import Found, Page
from ..directory.names import canonical_login_or_none
from ..directory.privacy import Profile
from ..directory.viewers import Viewer
from ..ops import health
from ..ops.request_tracker import Outcome, RequestInfo, outcome_of
from .assets import Assets
from .http import target
from .http.negotiation import Format, accepted, ending
from .http.reply import JSON, PRIVATE, PUBLIC, TEXT, Reply
from .pages import Headers, Pages
from .request import Request, WebSite
from .routes import READ, ROUTES, Route
from .settings import WebSettings
from .views import avatar, contact_card, feeds, history, lists, openapi, person, policy, webfinger, well_known

FAREWELL = 1.0  # seconds that open connections get when the service stops
Answered = tuple[Reply, Outcome]
_QUERY = "%!$&'()*+,;=:@/?-._~"  # what may stand in a query string (RFC 3986 section 3.4)


class App:
    """What is served at which address. A handler gives the body; everything else of an answer is set by then."""

    app = Klein()
    # Twisted knows neither our scheme nor our port: a redirect made by werkzeug would lead elsewhere.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.url_map.redirect_defaults = False

    def __init__(self, deps: ProtocolDependencies) -> None:
        self._deps = deps
        self._assets = Assets(deps.site.look)
        self._newest, self._sitemap = feeds.Common(), well_known.Sitemap()
        self._description: Reply | None = None  # the same until a reload
        self.pages = Pages(deps, self._assets)
        self.site = WebSite(deps, self.app.resource(), self.pages, self.allowed)

    def prepare_reload(self, deps: ProtocolDependencies) -> Callable[[], None]:
        """Build what other *deps* need, which may fail, and return a function that puts it in place."""
        assets = Assets(deps.site.look, self._assets)
        pages = Pages(deps, assets)

        def commit() -> None:
            self._deps, self._description = deps, None
            self._assets, self.pages = assets, pages
            self.site.reload(deps, pages)

        return commit

    def allowed(self, path: str) -> list[str]:
        """The methods that *path* takes, none where there is nothing; "*" is all of the server."""
        methods = set(READ) if path == "*" else set(self.app.url_map.bind("").allowed_methods(path))
        return sorted(methods | {"HEAD", "OPTIONS"}) if methods else []

    # what the table of routes names

    async def front(self, request: Request) -> bytes:
        async def answer(viewer: Viewer) -> Answered:
            async def made(most: int) -> Answered:
                newest = await self._deps.directory.newest_plans(viewer, most)
                online = await self._deps.directory.list_online(viewer, Page(limit=most))
                return lists.front(self.pages, newest, online, viewer, request.format), outcome_of(newest)

            return await lists.fitting(request.format, lists.FRONT, made)

        return await self._exchanged(request, "list", "", answer)

    async def listed(self, request: Request) -> bytes:
        try:
            asked = lists.asked(request.uri.decode("latin-1"), request.where)
        except target.HttpRequestError as bad:
            return self._missing(request, bad.code)

        async def answer(viewer: Viewer) -> Answered:
            async def made(most: int) -> Answered:
                directory, page = self._deps.directory, Page(asked.after, most)
                found = await (
                    directory.list_online(viewer, page)
                    if asked.path == "/online"
                    else directory.list_people(asked.q, viewer, page)
                )
                return lists.answer(self.pages, asked, found, viewer, request.format), outcome_of(found)

            return await lists.fitting(request.format, lists.LISTED, made)

        return await self._exchanged(request, "search" if asked.q else "list", asked.q, answer)

    async def person(self, request: Request, name: str) -> bytes:
        async def told(profile: Profile, viewer: Viewer) -> Answered:
            if request.format is Format.HTML:
                return await person.answer(self._deps, self.pages, profile, viewer, request.forced)
            if request.format is Format.VCARD:
                return contact_card.vcard(self.pages, profile, self._deps.site, request.forced), "found"
            return self.pages.person(profile, request.format, request.forced), "found"

        return await self._of_person_later(request, name, told)

    async def plan(self, request: Request, name: str) -> bytes:
        return await self._of_person(request, name, self.pages.plan)

    async def status(self, request: Request, name: str) -> bytes:
        return await self._of_person(request, name, self.pages.status)

    async def qr(self, request: Request, name: str) -> bytes:
        return await self._of_person(
            request, name, lambda profile: contact_card.qr(self.pages, profile, self._deps.site)
        )

    async def face(self, request: Request, name: str) -> bytes:
        async def tell(profile: Profile, _: Viewer) -> Answered:
            return avatar.answer(self.pages, profile), "found"

        return await self._of_person_later(request, name, tell, as_everyone=True)

    async def history(self, request: Request, name: str) -> bytes:
        async def tell(profile: Profile, viewer: Viewer) -> Answered:
            return await history.answer(self._deps, self.pages, profile, viewer, request)

        return await self._of_person_later(request, name, tell)

    async def feed(self, request: Request, name: str) -> bytes:
        async def tell(profile: Profile, viewer: Viewer) -> Answered:
            return await feeds.of_one(self._deps, self.pages, profile, viewer, request)

        return await self._of_person_later(request, name, tell, as_everyone=True)

    async def common_feed(self, request: Request) -> bytes:
        async def answer(_: Viewer) -> Answered:
            return await self._newest.answer(self._deps, self.pages, self._stranger, request)

        return await self._exchanged(request, "list", "", answer)

    async def what_is_shown(self, request: Request) -> bytes:
        async def answer(_: Viewer) -> Answered:
            return policy.answer(self._deps, self.pages, request.format, request.forced), "served"

        return await self._exchanged(request, "page", "", answer)

    async def webfinger(self, request: Request) -> bytes:
        try:
            asked = webfinger.asked(request.uri.decode("latin-1"))
        except target.HttpRequestError as bad:
            return self._missing(request, bad.code)

        async def answer(_: Viewer) -> Answered:
            return await webfinger.answer(self._deps, self.pages, asked, self._stranger)

        return await self._exchanged(request, "lookup", asked.resource, answer)

    def host_meta(self, request: Request) -> bytes:
        return self._page(request, webfinger.host_meta(self._deps.site, request.format, request.forced))

    def security(self, request: Request) -> bytes:
        return self._page(request, well_known.security(self._deps))

    def robots(self, request: Request) -> bytes:
        return self._page(request, well_known.robots(self._deps))

    async def sitemap(self, request: Request) -> bytes:
        async def answer(_: Viewer) -> Answered:
            return await self._sitemap.answer(self._deps, self.pages, self._stranger)

        return await self._exchanged(request, "list", "", answer)

    def openapi(self, request: Request) -> bytes:
        if self._description is None:
            self._description = openapi.answer(self._deps.site)
        return self._page(request, self._description)

    def lives(self, request: Request) -> bytes:
        return self._probed(request, 200, health.liveness_body(request.format is Format.JSON))

    async def ready(self, request: Request) -> bytes:
        troubles = await self._deps.health.find_problems()
        return self._probed(request, *health.readiness_response(troubles, request.format is Format.JSON))

    def home(self, request: Request, name: str) -> bytes:
        body = request.prepared(_moved(f"/users/{quote(canonical_login_or_none(name) or name, safe='')}"))
        request.note("served", len(body))
        return body

    def static(self, request: Request, name: str) -> bytes:
        reply = self._assets.get(name)
        return self._missing(request, 404) if reply is None else request.prepared(reply)

    @app.handle_errors(HTTPException)  # type: ignore[arg-type]  # our Request is more than IRequest
    def unrouted(self, request: Request, failure: Failure) -> bytes:
        """No such address, or not by this method."""
        error = failure.value
        if isinstance(error, MethodNotAllowed):
            allowed = self.allowed(request.where)
            endpoint, _ = self.app.url_map.bind("").match(request.where, "GET")
            formats = _FORMATS[endpoint]
            request.format = formats[0] if len(formats) == 1 else request.format
            return self._missing(request, 405, (("Allow", ", ".join(allowed)),))
        return self._missing(request, 404)

    # how they answer

    async def _of_person(self, request: Request, name: str, tell: Callable[[Profile], Reply]) -> bytes:
        """What *tell* says of the person called *name*."""

        async def told(profile: Profile, _: Viewer) -> Answered:
            return tell(profile), "found"

        return await self._of_person_later(request, name, told)

    async def _of_person_later(
        self,
        request: Request,
        name: str,
        tell: Callable[[Profile, Viewer], Awaitable[Answered]],
        as_everyone: bool = False,
    ) -> bytes:
        """The same where *tell* has to ask further. The canonical address is told by the syntax before the lookup, and
        by an alias after it. *as_everyone*: whoever asks is answered as anybody would be."""
        canonical = canonical_login_or_none(name)
        if canonical is not None and (canonical != name or request.where.endswith("/")):
            body = request.prepared(_moved(_address(request, canonical), kind=request.format.kind))
            request.note("served", len(body))
            return body

        async def answer(viewer: Viewer) -> Answered:
            viewer = self._stranger if as_everyone else viewer
            found = await self._deps.directory.lookup(name, viewer)
            if not isinstance(found, Found):
                return self.pages.not_one(found, request.told, request.forced), outcome_of(found)
            if found.profile.login != name:
                return _moved(_address(request, found.profile.login), PRIVATE, request.format.kind), outcome_of(found)
            return await tell(found.profile, viewer)

        return await self._exchanged(request, "lookup", name, answer)

    @property
    def _stranger(self) -> Viewer:
        return self._deps.viewers.from_address("web", None)

    def _page(self, request: Request, reply: Reply | None) -> bytes:
        """What is the same for all and asks nobody; None where there is no such page here."""
        if reply is None:
            return self._missing(request, 404)
        body = request.prepared(reply)
        request.note("served", len(body))
        return body

    async def _exchanged(
        self, request: Request, verb: str, query: str, answer: Callable[[Viewer], Awaitable[Answered]]
    ) -> bytes:
        """One question: limited, counted, recorded, whatever comes of it."""
        viewer = self._deps.viewers.from_address("web", request.evidence)
        tracked = self._deps.tracker.start(RequestInfo("web", verb, query, request.address, viewer.login))
        try:
            if tracked.retry_after is not None:
                body = request.prepared(self.pages.limited(tracked.retry_after, request.told))
                tracked.finish("limited", len(body))
                return body
            reply, how = await answer(viewer)
            body = request.prepared(reply)
            tracked.finish(how, len(body))
            return body
        except CancelledError:
            tracked.finish("gone")
            raise
        except Exception:
            reference = self.site.failed(Failure())
            body = request.prepared(self.pages.internal(request.told, reference))
            tracked.finish("error", len(body), reference)
            return body

    def _probed(self, request: Request, code: int, told: bytes) -> bytes:
        """What programs ask each second: no question, so neither limited nor recorded, only counted."""
        body = request.prepared(Reply(told, JSON if request.format is Format.JSON else TEXT, code))
        self._deps.tracker.count("web", "probe", "served" if code == 200 else "unavailable")
        return body

    def _missing(self, request: Request, code: int, headers: Headers = ()) -> bytes:
        body = request.prepared(self.pages.error(code, request.told, headers))
        request.note("not_found" if code == 404 else "invalid", len(body))
        return body


def _moved(location: str, cache: str = PUBLIC, kind: str = TEXT) -> Reply:
    """To *location*, a path alone, so that neither a Host header nor a proxy can lead it astray."""
    return Reply(b"", kind, code=308, cache=cache, headers=(("Location", location),), readable=True)


def _address(request: Request, login: str) -> str:
    """Where what *request* is for stands of *login*."""
    route, ending = request.route, request.format.ending if request.forced else ""
    path = route.path.replace("<name>", quote(login, safe="")) + ending
    query = request.uri.partition(b"?")[2]
    return f"{path}?{quote(query, safe=_QUERY)}" if route.query and query else path


def _handler(route: Route) -> Callable[..., Any]:
    """The handler of *route*, once it is known what it is to be answered in."""
    handler = getattr(App, route.handler)

    def handle(self: App, request: Request, **named: str) -> Any:
        request.route = route
        forced = ending(request.where, route.formats) if route.endings else None
        if forced and named and route.path.endswith(">"):
            named = {name: part.removesuffix(forced.ending) for name, part in named.items()}
        if route.formats:
            format = forced or accepted(request.accept, route.formats)
            if format is None:
                return self._missing(request, 406, _alternates(request.where, route))
            request.format, request.forced = format, forced is not None
        if request.where.endswith("/") and route.path != "/" and not named:
            return self._missing(request, 404)
        return handler(self, request, **named)

    handle.__name__ = route.handler
    return handle


def _alternates(where: str, route: Route) -> Headers:
    """What there is instead."""
    if not route.endings:
        return ()
    links = (
        f'<{quote(where)}{each.ending}>; rel="alternate"; type="{each.types[0]}"'
        for each in route.formats
        if each.ending
    )
    return (("Link", ", ".join(links)),)


_FORMATS = {path: route.formats for route in ROUTES for path in route.paths}
for _route in ROUTES:
    for _path in _route.paths:
        App.app.route(_path, methods=list(_route.methods), endpoint=_path)(_handler(_route))


class WebService(Service):
    """Holds the site; application.py listens with it and has waited for the answers when this is stopped."""

    def __init__(self, settings: WebSettings, deps: ProtocolDependencies) -> None:
        self.app = App(deps)
        self.factory = self.app.site
        self.factory.proxies = Networks(settings.trusted_proxies)

    def prepare_reload(self, settings: WebSettings, deps: ProtocolDependencies) -> Callable[[], None]:
        """Return a function that puts other *settings* in place: for requests from then on, on open connections, too."""
        commit_app, proxies = self.app.prepare_reload(deps), Networks(settings.trusted_proxies)

        def commit() -> None:
            commit_app()
            self.factory.proxies = proxies

        return commit

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        return self.factory.connections.end(FAREWELL)
