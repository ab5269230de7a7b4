"""The web app: one method answers every route (routes.py), and the service that application.py listens with."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from klein import Klein
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ..dependencies import ProtocolDependencies
from ..directory.addresses import Networks
from ..directory.names import canonical_login_or_none
from ..ops.request_tracker import RequestInfo
from .assets import Assets
from .http.negotiation import Format, choose_format
from .http.request import Request
from .http.target import HttpRequestError
from .replies import ReplyBuilder
from .routes import ROUTES
from .routing import RequestLogging, Route, ViewRequest, WebState
from .settings import WebSettings
from .site import WebSite

STOP_TIMEOUT = 1.0  # seconds that open connections have when the service stops


class WebApp:
    """Finds the route of a request, has its handler answer, and counts and logs it."""

    klein = Klein()
    # Twisted knows neither our scheme nor our port: a redirect made by werkzeug would lead elsewhere.
    klein.url_map.merge_slashes = False
    klein.url_map.strict_slashes = False
    klein.url_map.redirect_defaults = False

    def __init__(self, deps: ProtocolDependencies) -> None:
        assets = Assets(deps.site.look)
        self.state = WebState(deps, ReplyBuilder(deps, assets), assets, ROUTES)
        self.site = WebSite(deps, self.klein.resource(), self.state.replies, self.allowed_methods)

    def prepare_reload(self, deps: ProtocolDependencies) -> Callable[[], None]:
        """Build what other *deps* need, which may fail, and return a function that puts it in place."""
        assets = Assets(deps.site.look, self.state.assets)
        state = WebState(deps, ReplyBuilder(deps, assets), assets, ROUTES)

        def commit() -> None:
            self.state = state
            self.site.reload(deps, state.replies)

        return commit

    def allowed_methods(self, path: str) -> list[str]:
        """List the methods that *path* takes, none for an unknown path; "*" is the server as a whole."""
        methods = {"GET"} if path == "*" else set(self.klein.url_map.bind("").allowed_methods(path))
        return sorted(methods | {"HEAD", "OPTIONS"}) if methods else []

    @klein.handle_errors(HTTPException)  # type: ignore[arg-type]  # our Request is more than IRequest
    def reject(self, request: Request, failure: Failure) -> bytes:
        """Answer a request for which there is no route, or not by its method."""
        path = request.decoded_path
        if not isinstance(failure.value, MethodNotAllowed):
            return self._refuse(request, 404)
        endpoint, _ = self.klein.url_map.bind("").match(path, "GET")
        route = _ROUTE_OF_PATH[endpoint]
        if route.formats:
            request.choice = choose_format(path, request.accept, route.formats, route.suffixes)
        return self._refuse(request, 405, (("Allow", ", ".join(self.allowed_methods(path))),))

    async def answer(self, request: Request, route: Route, name: str) -> bytes:
        """Answer a request for *route*; return the body. *name* is the one in the path, "" without one."""
        path = request.decoded_path
        if route.formats:
            choice = choose_format(path, request.accept, route.formats, route.suffixes)
            if choice.format is None:
                return self._refuse(request, 406, _alternate_links(path, route))
            request.choice = choice
        format, forced = request.choice.format or Format.TEXT, request.choice.forced
        if forced and route.path.endswith(">"):
            name = name.removesuffix(format.suffix)
        if path.endswith("/") and route.path != "/" and "<name>" not in route.path:
            return self._refuse(request, 404)
        try:
            query = None if route.parse_query is None else route.parse_query(path, request.raw_uri)
        except HttpRequestError as error:
            return self._refuse(request, error.code)
        requester = self.state.deps.viewers.from_address("web", request.membership_address)
        viewer = requester if route.audience == "viewer" else self.state.deps.viewers.from_address("web", None)
        raw_query = request.raw_uri.partition("?")[2]
        errors = request.choice.errors
        view = ViewRequest(self.state, route, viewer, path, name, query, raw_query, format, forced, errors)
        if route.is_of_person:
            canonical = canonical_login_or_none(name)
            if canonical is not None and (canonical != name or path.endswith("/")):
                return request.record_reply(view.redirect_to(canonical))
        if route.logging is RequestLogging.LIMITED:
            verb, text = (route.verb, name) if query is None else (query.verb, query.text)
            return await self._answer_tracked(
                request, view, RequestInfo("web", verb, text, request.address, requester.login)
            )
        reply = await route.handler(view)
        if route.logging is RequestLogging.COUNTED:
            self.state.deps.tracker.count("web", "probe", reply.outcome)
        elif route.logging is RequestLogging.LOGGED or reply.code >= 400:
            return request.record_reply(reply)
        return request.set_head(reply)

    async def _answer_tracked(self, request: Request, view: ViewRequest, info: RequestInfo) -> bytes:
        """Answer within the rate limit; time, count and log the request whatever happens."""
        replies, tracked = view.replies, view.deps.tracker.start(info)
        reference = None
        try:
            if tracked.retry_after is not None:
                reply = replies.too_many_requests(tracked.retry_after, view.error_format)
            else:
                reply = await view.route.handler(view)
            body = request.set_head(reply)
        except CancelledError:
            tracked.finish("gone")
            raise
        except Exception:
            reference = self.site.log_failure(Failure())
            reply = replies.internal_error(view.error_format, reference)
            body = request.set_head(reply)
        tracked.finish(reply.outcome, len(body), reference)
        return body

    def _refuse(self, request: Request, code: int, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
        return request.record_reply(self.state.replies.error(code, request.choice.errors, headers))


def _alternate_links(path: str, route: Route) -> tuple[tuple[str, str], ...]:
    """Return a Link header that lists the formats there are."""
    if not route.suffixes:
        return ()
    links = (
        f'<{quote(path)}{each.suffix}>; rel="alternate"; type="{each.types[0]}"'
        for each in route.formats
        if each.suffix
    )
    return (("Link", ", ".join(links)),)


def _register(route: Route) -> None:
    async def handle(app: WebApp, request: Request, name: str = "") -> Any:
        return await app.answer(request, route, name)

    handle.__name__ = route.handler.__name__
    for path in route.paths:
        WebApp.klein.route(path, methods=list(route.methods), endpoint=path)(handle)


_ROUTE_OF_PATH = {path: route for route in ROUTES for path in route.paths}
for _route in ROUTES:
    _register(_route)


class WebService(Service):
    """The web side: application.py listens with its factory, and drains requests before stopping this service."""

    def __init__(self, settings: WebSettings, deps: ProtocolDependencies) -> None:
        self.app = WebApp(deps)
        self.factory = self.app.site
        self.factory.trusted_proxies = Networks(settings.trusted_proxies)

    def prepare_reload(self, settings: WebSettings, deps: ProtocolDependencies) -> Callable[[], None]:
        """Return a function that applies other *settings* to all later requests, those on open connections included."""
        commit_app, proxies = self.app.prepare_reload(deps), Networks(settings.trusted_proxies)

        def commit() -> None:
            commit_app()
            self.factory.trusted_proxies = proxies

        return commit

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        return self.factory.connections.end(STOP_TIMEOUT)
