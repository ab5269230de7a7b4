"""Who sees what: the page about the site's policy, the same for everyone. Nothing on it is about a person."""

import math
from datetime import timedelta
from enum import IntEnum

from msgspec import Struct

from ...dependencies import SiteInfo
from ...directory.explanation import FieldRule, field_rules
from ...directory.privacy import Policy
from ...formats.person_json import VisibilityName, encode_json
from ..http.negotiation import ACCEPT, Format
from ..http.reply import PUBLIC, Reply
from ..routing import ViewRequest

_LEVELS: tuple[VisibilityName, ...] = ("everyone", "members", "nobody")


async def show_policy(request: ViewRequest) -> Reply:
    """Return the default and the maximum visibility of each field, who counts as a member, and what is logged."""
    deps, format = request.deps, request.format
    policy = deps.directory.policy
    if format is Format.JSON:
        body = encode_json(document(policy, deps.site))
    else:
        rules = sorted(field_rules(policy), key=_widest_first)
        values = {"policy": policy, "retention_days": _retention_days(deps.site), "rules": rules}
        if format is Format.HTML:
            body = request.replies.html("policy.html", **values)
        else:
            body = deps.renderer.render("web/policy.txt", **values).encode()
    return Reply(body, format.content_type, cache_control=PUBLIC, vary="" if request.forced else ACCEPT)


class RuleDocument(Struct, frozen=True):
    """A field: its default visibility, the maximum, and the levels that a person can choose from."""

    field: str
    default: VisibilityName
    limit: VisibilityName
    choices: list[VisibilityName]


class MembersDocument(Struct, frozen=True):
    """Who counts as a member. *by_address*: clients of certain networks."""

    by_address: bool


class AccessLogDocument(Struct, frozen=True):
    """How addresses are logged, and for how many days lines are kept; None if that is up to the operator."""

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
        AccessLogDocument(site.logged_addresses, _retention_days(site)),
    )


def _retention_days(site: SiteInfo) -> int | None:
    """Return for how many days the access log is kept; None if the operator removes it."""
    return None if site.log_retention is None else math.ceil(site.log_retention / timedelta(days=1))


def _name(level: IntEnum) -> VisibilityName:
    return _LEVELS[level]


def _widest_first(rule: FieldRule) -> tuple[int, int]:
    return rule.default, rule.limit
