"""What is shown, and to whom: the page of the whole site, the same for all who ask. What it tells is explain.py's table
and what house.Site knows; nothing of any person is in it."""

import math
from datetime import timedelta
from enum import IntEnum
from typing import Any

from ..directory.explain import Rule, rules
from ..directory.privacy import Policy
from ..formats.person_json import encode
from ..house import House, Site
from .formats import Format
from .pages import Pages
from .reply import PUBLIC, Reply


def answer(house: House, pages: Pages, format: Format, forced: bool) -> Reply:
    """The policy of *house*; *forced*: the address asked for *format*."""
    policy = house.directory.policy
    if format is Format.JSON:
        body = encode(document(policy, house.site))
    else:
        values = {"policy": policy, "days": _days(house.site), "rules": sorted(rules(policy), key=_widest_first)}
        if format is Format.HTML:
            body = pages.html("policy.html", **values)
        else:
            body = house.renderer.text("web/policy.txt", **values).encode()
    return Reply(body, format.kind, cache=PUBLIC, vary="" if forced else "Accept")


def document(policy: Policy, site: Site) -> dict[str, Any]:
    """The same for programs: levels as gateway.toml names them."""
    return {
        "preset": policy.base,
        "fields": [
            {
                "field": rule.field,
                "default": _name(rule.default),
                "limit": _name(rule.limit),
                "choices": [_name(level) for level in rule.choices],
            }
            for rule in rules(policy)
        ],
        "members": {"by_address": site.members},
        "protocols": list(site.protocols),
        "records": {"addresses": site.addresses, "keep_days": _days(site)},
    }


def _days(site: Site) -> int | None:
    """For how many days records are kept; None where the operator sees to it."""
    return None if site.keep is None else math.ceil(site.keep / timedelta(days=1))


def _name(level: IntEnum) -> str:
    return level.name.lower()


def _widest_first(rule: Rule) -> tuple[int, int]:
    return rule.default, rule.limit
