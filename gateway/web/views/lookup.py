"""The lookup that every view of one person begins with."""

from dataclasses import replace

from ...directory.privacy import Profile
from ...directory.results import Found
from ..http.reply import PRIVATE, Reply
from ..routing import ViewRequest


async def find_person(request: ViewRequest) -> Profile | Reply:
    """Return the profile of the person in the path.

    Or the reply instead of it: a redirect from an alias, 300 for an ambiguous name, 404 for a hidden or missing person, 503.
    """
    found = await request.deps.directory.lookup(request.name, request.viewer)
    if not isinstance(found, Found):
        return request.replies.no_single_person(found, request.error_format, request.forced)
    if found.profile.login != request.name:
        return replace(request.redirect_to(found.profile.login, PRIVATE), outcome="found")
    return found.profile
