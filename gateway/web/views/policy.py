"""Who sees what: the page of the whole site, the same for all who ask. What it tells is explain.py's table
and what house.Site knows; nothing of any person is in it."""

import math
from datetime import timedelta
from enum import IntEnum

from msgspec import Struct

from ...dependencies import ProtocolDependencies, SiteInfo
from ...directory.explanation import FieldRule, field_rules
from ...directory.privacy import Policy
from ...formats.person_json import VisibilityName, encode_json
from ..http.negotiation import ACCEPT, Format
from ..http.reply import PUBLIC, Reply
from ..pages import Pages

_LEVELS: tuple[VisibilityName, ...] = ("everyone", "members", "nobody")


def answer(deps: ProtocolDependencies, pages: Pages, format: Format, forced: bool) -> Reply:
    """The policy of *house*; *forced*: the address asked for *format*."""
    policy = deps.directory.policy
    if format is Format.JSON:
        body = encode_json(document(policy, deps.site))
    else:
        values = {"policy": policy, "days": _days(deps.site), "rules": sorted(field_rules(policy), key=_widest_first)}
        if format is Format.HTML:
            body = pages.html("policy.html", **values)
        else:
            body = deps.renderer.render("web/policy.txt", **values).encode()
    return Reply(body, format.kind, cache=PUBLIC, vary="" if forced else ACCEPT)


class RuleDocument(Struct, frozen=True):
    """A field: to whom it is shown where nobody said, the most that anyone can show, and what one can choose from."""

    field: str
    default: VisibilityName
    limit: VisibilityName
    choices: list[VisibilityName]


class MembersDocument(Struct, frozen=True):
    by_address: bool


class AccessLogDocument(Struct, frozen=True):
    addresses: str
    retention_days: int | None


class PolicyDocument(Struct, frozen=True):
    """Who sees what: levels as gateway.toml names them."""

    preset: str
    fields: list[RuleDocument]
    members: MembersDocument
    protocols: list[str]
    access_log: AccessLogDocument


def document(policy: Policy, site: SiteInfo) -> PolicyDocument:
    """Return the policy for programs (/policy.json)."""
    return PolicyDocument(
        policy.base,
        [
            RuleDocument(rule.field, _name(rule.default), _name(rule.limit), [_name(level) for level in rule.choices])
            for rule in field_rules(policy)
        ],
        MembersDocument(site.members),
        [each.name for each in site.protocols],
        AccessLogDocument(site.logged_addresses, _days(site)),
    )


def _days(site: SiteInfo) -> int | None:
    """Return for how many days the access log is kept; None where the operator removes it."""
    return None if site.log_retention is None else math.ceil(site.log_retention / timedelta(days=1))


def _name(level: IntEnum) -> VisibilityName:
    return _LEVELS[level]


def _widest_first(rule: FieldRule) -> tuple[int, int]:
    return rule.default, rule.limit
