"""The routes: one table, which the app, the OpenAPI description and the tests read."""

from typing import Any

from ..formats.feed import FeedDocument
from ..formats.history import HistoryDocument
from ..formats.jrd import HostMetaDocument, JrdDocument
from ..formats.profile_json import FrontDocument, PeopleDocument, ProfileDocument
from ..ops.health import HealthReport
from .http.negotiation import Format
from .routing import RequestLogging, Route
from .views import (
    avatar,
    contact_card,
    feeds,
    history,
    lists,
    openapi,
    person,
    policy,
    probes,
    static_files,
    webfinger,
    well_known,
)
from .views.policy import PolicyDocument

TEXT, HTML, JSON, VCARD = Format.TEXT, Format.HTML, Format.JSON, Format.VCARD
ATOM, FEED, JRD, XRD = Format.ATOM, Format.FEED, Format.JRD, Format.XRD
SVG, XML = Format.SVG, Format.XML
LOGGED, COUNTED, ERRORS_LOGGED = RequestLogging.LOGGED, RequestLogging.COUNTED, RequestLogging.ERRORS_LOGGED

ROUTES = (
    Route(
        "/",
        lists.show_front_page,
        "About this site, the newest plans, and who is online",
        (TEXT, HTML, JSON),
        "viewer",
        document=FrontDocument,
        verb="list",
    ),
    Route(
        "/users",
        lists.list_people,
        "List people, or search",
        (TEXT, HTML, JSON),
        "viewer",
        query=("q", "after"),
        parse_query=lists.parse_list_query,
        document=PeopleDocument,
    ),
    Route(
        "/online",
        lists.list_online,
        "Who is online",
        (TEXT, HTML, JSON),
        "viewer",
        query=("after",),
        parse_query=lists.parse_list_query,
        document=PeopleDocument,
    ),
    Route(
        "/users/<name>",
        person.show_person,
        "A person",
        (TEXT, HTML, JSON, VCARD),
        "viewer",
        suffixes=True,
        document=ProfileDocument,
    ),
    Route("/users/<name>/plan", person.show_plan, "A person's plan, as written", (TEXT,), "viewer"),
    Route("/users/<name>/status", person.show_status, "A person's status", (TEXT,), "viewer"),
    Route(
        "/users/<name>/history",
        history.show_history,
        "Earlier plans, and what changed",
        (TEXT, HTML, JSON),
        "viewer",
        suffixes=True,
        query=("before",),
        document=HistoryDocument,
    ),
    Route(
        "/users/<name>/feed",
        feeds.person_feed,
        "A person's plans as a feed",
        (ATOM, FEED),
        suffixes=True,
        document=FeedDocument,
    ),
    Route("/users/<name>/qr.svg", contact_card.show_qr_code, "A person's card as a QR code", (SVG,), "viewer"),
    Route("/users/<name>/face.svg", avatar.show_avatar, "A person's avatar: initials on a colour", (SVG,)),
    Route("/~<name>", person.redirect_home, "Redirect to a person's page", logging=LOGGED, statuses=(308,)),
    Route(
        "/feed",
        feeds.site_feed,
        "The newest plans as a feed",
        (ATOM, FEED),
        suffixes=True,
        document=FeedDocument,
        verb="list",
    ),
    Route(
        "/policy",
        policy.show_policy,
        "Who sees what",
        (TEXT, HTML, JSON),
        suffixes=True,
        document=PolicyDocument,
        verb="page",
    ),
    Route(
        "/.well-known/webfinger",
        webfinger.show_account,
        "Who an account is (RFC 7033)",
        (JRD,),
        query=("resource", "rel"),
        parse_query=webfinger.parse_resource_query,
        document=JrdDocument,
        statuses=(307,),
    ),
    Route(
        "/.well-known/host-meta",
        webfinger.show_host_meta,
        "Where accounts are looked up (RFC 6415)",
        (XRD, JRD),
        suffixes=True,
        document=HostMetaDocument,
        logging=LOGGED,
    ),
    Route(
        "/.well-known/security.txt",
        well_known.show_security_contact,
        "Security contact (RFC 9116)",
        (TEXT,),
        logging=LOGGED,
    ),
    Route("/robots.txt", well_known.show_robots, "Rules for crawlers (RFC 9309)", (TEXT,), logging=LOGGED),
    Route("/sitemap.xml", well_known.show_sitemap, "Pages of listed people", (XML,), verb="list"),
    Route("/openapi.json", openapi.describe_api, "This description", (JSON,), document=dict[str, Any], logging=LOGGED),
    Route("/healthz", probes.liveness, "Liveness check", (TEXT, JSON), document=HealthReport, logging=COUNTED),
    Route(
        "/readyz",
        probes.readiness,
        "Readiness check",
        (TEXT, JSON),
        document=HealthReport,
        logging=COUNTED,
        statuses=(503,),
    ),
    Route("/static/<name>", static_files.show_static_file, "Style sheet and images", logging=ERRORS_LOGGED),
)
