"""Who an account is (WebFinger, RFC 7033), and where that is asked (host-meta, RFC 6415)."""

from dataclasses import dataclass

from ..directory.viewers import Viewer
from ..house import House, Site
from ..operate.exchange import Outcome
from .formats import Format
from .pages import Pages
from .reply import Reply


@dataclass(frozen=True, slots=True)
class Asked:
    """*resource* as it was asked for; *rels* are those that the links are to have, all where there is none."""

    resource: str
    rels: tuple[str, ...] = ()


def asked(uri: str) -> Asked:
    """What *uri* asks. Raises target.Bad."""
    return Asked("")


async def answer(house: House, pages: Pages, asked: Asked, stranger: Viewer) -> tuple[Reply, Outcome]:
    """The description of who is asked for, as everyone may see it."""
    return pages.error(404, Format.JRD), "unknown"


def host_meta(site: Site, format: Format, forced: bool) -> Reply | None:
    """The template by which an account's address is made."""
    return None
