"""One person: the page, the documents, the plan and the status alone.

A page has a limit in bytes (W140). Long fields get what there is room for: links, keys, recent changes, and the plan gets
the rest.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from markupsafe import escape

from ...dependencies import SiteInfo
from ...directory.names import canonical_login_or_none
from ...directory.privacy import Audience, Profile
from ...directory.results import History, PlanVersion
from ...outbound.fediverse_address import Actor
from .. import localtime, markup
from ..byte_budget import ByteBudget
from ..http.negotiation import Format
from ..http.reply import Reply
from ..replies import MAX_PAGE_BYTES, vary_header
from ..routing import ViewRequest, redirect
from .contact_card import vcard_reply
from .history import RECENT_CHANGES, PlanChange, recent_changes
from .lookup import find_person

MAX_PLAN_LENGTH = 16 * 1024  # characters of a plan on the page; the whole plan is a text of its own
MAX_PLAN_LINES = 1000
MAX_LIST_FIELD_BYTES = 14 * 1024  # of fields with many values: names, accounts, links, keys
MARKUP_BYTES = 120  # of HTML around each of these values


async def show_person(request: ViewRequest) -> Reply:
    """Return the person in the format asked for."""
    found = await find_person(request)
    if isinstance(found, Reply):
        return found
    if request.format is Format.HTML:
        return await _page(request, found)
    if request.format is Format.VCARD:
        return vcard_reply(request.replies, found, request.deps.site, request.forced)
    return request.replies.person(found, request.format, request.forced)


async def show_plan(request: ViewRequest) -> Reply:
    """Return the plan as written."""
    found = await find_person(request)
    return found if isinstance(found, Reply) else request.replies.plan(found)


async def show_status(request: ViewRequest) -> Reply:
    """Return the status as written."""
    found = await find_person(request)
    return found if isinstance(found, Reply) else request.replies.status(found)


async def redirect_home(request: ViewRequest) -> Reply:
    """Redirect /~NAME to the person's page."""
    return redirect(f"/users/{quote(canonical_login_or_none(request.name) or request.name, safe='')}")


async def _page(request: ViewRequest, profile: Profile) -> Reply:
    """Return the page of *profile*. A plan that changes makes another profile, so the page is kept beside it."""
    key = f"page {request.forced}"
    kept = request.replies.get_kept(profile, key)
    if kept is not None:
        return kept
    history = await request.deps.directory.history(profile.login, request.viewer, RECENT_CHANGES + 1)
    entries = history.entries if isinstance(history, History) else ()
    reply = _make_page(request, profile, entries)
    return request.replies.keep(profile, key, reply) if isinstance(history, History) else reply


def _make_page(request: ViewRequest, profile: Profile, entries: Sequence[PlanVersion]) -> Reply:
    """Make the page. It shows the person's local time, which makes it another page each minute."""
    deps, replies = request.deps, request.replies
    address = fediverse_account(profile, deps.site)
    is_public = profile.audience is Audience.EVERYONE
    actor = deps.fediverse_accounts.confirmed_actor(address) if address and is_public else None
    account = address if actor else profile.fediverse  # the site-wide pattern may name accounts that do not exist
    now = deps.now()
    values = page_values(profile, now, account, actor, recent_changes(profile, entries))
    body = replies.html("person.html", **values)
    if (excess := len(body) - MAX_PAGE_BYTES) > 0:
        plan_bytes = max(0, len(values["plan"].encode()) - excess)
        body = replies.html("person.html", **values | _plan_values(profile, plan_bytes))
    local, minute = values["local"], localtime.start_of_minute(now)
    last_modified = profile.updated if local is None else max(profile.updated or minute, minute)
    vary = vary_header(request.forced)
    reply = replies.profile_reply(profile, body, Format.HTML.content_type, vary, last_modified)
    if local is None and not address:
        return reply
    return replace(reply, expires_at=minute + localtime.MINUTE)


def page_values(
    profile: Profile, now: datetime, account: str, actor: Actor | None, changes: Sequence[PlanChange] = ()
) -> dict[str, Any]:
    """Return the variables of person.html.

    *account* is the fediverse address, *actor* the account behind it once confirmed, *changes* those of the plan, the newest
    first.
    """
    budget = ByteBudget(MAX_LIST_FIELD_BYTES)
    return {
        "person": profile,
        "aliases": budget.take_fitting(profile.aliases, _html_size),
        "former": budget.take_fitting(profile.former, _html_size),
        "irc": budget.take_fitting(profile.irc, lambda account: _html_size(account.network, account.account)),
        "links": budget.take_fitting(profile.links, lambda link: _html_size(link.label, link.url, link.url)),
        "keys": budget.take_fitting(profile.keys, lambda key: _html_size(key.kind, key.label, key.text)),
        "changes": changes,
        "local": localtime.local_time(profile.timezone, now) if profile.timezone else None,
        "account": account,
        "actor": actor,
        **_plan_values(profile, MAX_PAGE_BYTES),
    }


def fediverse_account(profile: Profile, site: SiteInfo) -> str:
    """Return the person's own fediverse address, else the one of the site's pattern, else ""."""
    if profile.fediverse or "fediverse" not in profile.shown or site.fediverse is None:
        return profile.fediverse
    return site.fediverse.replace("{login}", profile.login)


def _plan_values(profile: Profile, max_bytes: int) -> dict[str, Any]:
    text, cut = markup.cut_at_line(profile.plan, MAX_PLAN_LENGTH)
    plan, cut_again = markup.plan_html(text, max_bytes, MAX_PLAN_LINES)
    return {"plan": plan, "is_drawing": markup.is_drawing(text), "plan_truncated": cut or cut_again}


def _html_size(*texts: str) -> int:
    return MARKUP_BYTES + sum(len(escape(text).encode(errors="replace")) for text in texts)
