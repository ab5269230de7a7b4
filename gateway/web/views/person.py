"""The page of a person: what is on it, and how much of it. A page has a limit (W140), so what may be long is told as far as
there is room: links, keys, what changed lately, and the plan, which gets what the others leave.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from markupsafe import escape

from ...dependencies import ProtocolDependencies, SiteInfo
from ...directory.answers import History, PlanVersion
from ...directory.privacy import Audience, Profile
from ...directory.viewers import Viewer
from ...ops.request_tracker import Outcome
from ...outbound.fediverse_address import Actor
from .. import localtime, markup
from ..byte_budget import ByteBudget
from ..http.negotiation import Format
from ..http.reply import Reply
from ..pages import MOST_PAGE, Pages, varying
from .history import RECENT, Change, recent

PLAN = 16 * 1024  # characters of a plan that are looked at; the whole plan stands in the text
LINES = 1000  # of it
MANY = 14 * 1024  # bytes of fields that hold many: names, accounts, links, keys
ROUND = 120  # bytes of the marks round each of these


async def answer(
    deps: ProtocolDependencies, pages: Pages, profile: Profile, viewer: Viewer, forced: bool
) -> tuple[Reply, Outcome]:
    """The page of *profile*, which is *viewer*'s. A plan that changes makes another profile, and so another page."""
    what = f"page {forced}"
    kept = pages.already(profile, what)
    if kept is not None:
        return kept, "found"
    history = await deps.directory.history(profile.login, viewer, RECENT + 1)
    entries = history.entries if isinstance(history, History) else ()
    reply = _page(deps, pages, profile, entries, forced)
    return pages.keep(profile, what, reply) if isinstance(history, History) else reply, "found"


def _page(
    deps: ProtocolDependencies, pages: Pages, profile: Profile, entries: Sequence[PlanVersion], forced: bool
) -> Reply:
    """With the time that it is there, which makes it another page each minute."""
    named = fediverse(profile, deps.site)
    actor = deps.fediverse_accounts.confirmed_actor(named) if named and profile.audience is Audience.EVERYONE else None
    account = named if actor else profile.fediverse  # what the operator names for all need not be there for each
    now = deps.now()
    values = values_of(profile, now, account, actor, recent(profile, entries))
    body = pages.html("person.html", **values)
    if (over := len(body) - MOST_PAGE) > 0:
        body = pages.html("person.html", **values | _plan(profile, max(0, len(values["plan"].encode()) - over)))
    local, minute = values["local"], localtime.this_minute(now)
    updated = profile.updated if local is None else max(profile.updated or minute, minute)
    reply = pages.about(profile, body, Format.HTML.kind, varying(forced), updated)
    if local is None and not named:
        return reply
    return replace(reply, until=minute + localtime.MINUTE)


def values_of(
    profile: Profile, now: datetime, account: str, actor: Actor | None, changes: Sequence[Change] = ()
) -> dict[str, Any]:
    """What the page of *profile* is made of. *account*: in the fediverse; *actor*: who that is, once it is confirmed;
    *changes*: of the plan, the newest first."""
    room = ByteBudget(MANY)
    return {
        "person": profile,
        "aliases": room.fitting(profile.aliases, _size),
        "former": room.fitting(profile.former, _size),
        "irc": room.fitting(profile.irc, lambda account: _size(account.network, account.account)),
        "links": room.fitting(profile.links, lambda link: _size(link.label, link.url, link.url)),
        "keys": room.fitting(profile.keys, lambda key: _size(key.kind, key.label, key.text)),
        "changes": changes,
        "local": localtime.there(profile.timezone, now) if profile.timezone else None,
        "account": account,
        "actor": actor,
        **_plan(profile, MOST_PAGE),
    }


def fediverse(profile: Profile, site: SiteInfo) -> str:
    """The fediverse account of *profile*, empty where there is none: their own, else what the operator set for all."""
    if profile.fediverse or "fediverse" not in profile.shown or site.fediverse is None:
        return profile.fediverse
    return site.fediverse.replace("{login}", profile.login)


def _plan(profile: Profile, room: int) -> dict[str, Any]:
    beginning, cut = markup.cut(profile.plan, PLAN)
    plan, broken = markup.plan(beginning, room, LINES)
    return {"plan": plan, "drawn": markup.drawn(beginning), "plan_cut": cut or broken}


def _size(*texts: str) -> int:
    return ROUND + sum(len(escape(text).encode(errors="replace")) for text in texts)
