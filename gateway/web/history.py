"""Earlier plans of a person, and what changed from one to the next."""

from ..directory.privacy import Profile
from ..directory.viewers import Viewer
from ..house import House
from ..operate.exchange import Outcome
from .http import Request
from .pages import Pages
from .reply import Reply


async def answer(
    house: House, pages: Pages, profile: Profile, viewer: Viewer, request: Request
) -> tuple[Reply, Outcome]:
    """The plans that *viewer* may see of *profile*, the newest first."""
    return pages.error(404, request.format), "unknown"
