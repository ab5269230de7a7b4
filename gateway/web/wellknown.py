"""What robots and those who found a weakness look for: robots.txt, sitemap.xml, security.txt."""

from ..directory.viewers import Viewer
from ..house import House
from ..operate.exchange import Outcome
from .formats import Format
from .pages import Pages
from .reply import Reply


def robots(house: House) -> Reply | None:
    """What robots may read (RFC 9309)."""
    return None


def security(house: House) -> Reply | None:
    """Whom to tell of a weakness (RFC 9116), where that is set."""
    return None


async def sitemap(house: House, pages: Pages, stranger: Viewer) -> tuple[Reply, Outcome]:
    """The pages of those who are listed, as a *stranger* finds them."""
    return pages.error(404, Format.TEXT), "unknown"
