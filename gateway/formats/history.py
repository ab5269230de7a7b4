"""A person's plans as JSON: what a program is told of them. The types are what is sent and what OpenAPI is made from."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from ..directory.answers import PlanVersion
from ..directory.person import Time
from ..text.sanitize import sanitize


class PlanDocument(Struct, frozen=True):
    """A plan, as it stood from *at* on; empty where it was taken away."""

    at: Time
    plan: str


class HistoryDocument(Struct, frozen=True, omit_defaults=True):
    """Plans, newest first."""

    plans: list[PlanDocument]
    next: Annotated[str | None, Meta(description="The address of those before them, where there are any.")] = None


def history_document(entries: Iterable[PlanVersion], next: str | None) -> HistoryDocument:
    return HistoryDocument(
        [PlanDocument(each.at.replace(microsecond=0), sanitize(each.text)) for each in entries], next
    )
