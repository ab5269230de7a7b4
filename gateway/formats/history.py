"""Write a person's plan history as JSON. The OpenAPI document is generated from the types."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from ..directory.person import Time
from ..directory.results import PlanVersion
from ..text.sanitize import sanitize


class PlanDocument(Struct, frozen=True):
    """A plan as it stood from *at* on; empty if the plan was removed then."""

    at: Time
    plan: str


class HistoryDocument(Struct, frozen=True, omit_defaults=True):
    """Plans, newest first."""

    plans: list[PlanDocument]
    next: Annotated[str | None, Meta(description="The address of older plans, if there are any.")] = None


def make_history_document(entries: Iterable[PlanVersion], next: str | None) -> HistoryDocument:
    """Return one page of a plan history; *next* is the address of the page with older plans."""
    return HistoryDocument(
        [PlanDocument(each.at.replace(microsecond=0), sanitize(each.text)) for each in entries], next
    )
