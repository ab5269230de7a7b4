"""Plans as feeds: those of a person, and the newest of all. Feeds are what everyone may see, whoever asks."""

from ..directory.privacy import Profile
from ..directory.viewers import Viewer
from ..house import House
from ..operate.exchange import Outcome
from .http import Request
from .pages import Pages
from .reply import Reply


async def of_one(
    house: House, pages: Pages, profile: Profile, stranger: Viewer, request: Request
) -> tuple[Reply, Outcome]:
    """The plans of *profile*, which is a *stranger*'s."""
    return pages.error(404, request.format), "unknown"


async def of_all(house: House, pages: Pages, stranger: Viewer, request: Request) -> tuple[Reply, Outcome]:
    """The newest plans of those who are listed."""
    return pages.error(404, request.format), "unknown"
