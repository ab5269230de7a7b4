"""Style sheet and images."""

from ..http.reply import Reply
from ..routing import ViewRequest


async def show_static_file(request: ViewRequest) -> Reply:
    """Return the file of that name, with a content hash in the name or without."""
    return request.state.assets.get(request.name) or request.replies.error(404, request.error_format)
