"""Health probes: liveness and readiness."""

from ...ops import health
from ..http.negotiation import Format
from ..http.reply import JSON, TEXT, Reply
from ..routing import ViewRequest


async def liveness(request: ViewRequest) -> Reply:
    """Return 200 as long as the reactor runs."""
    return _reply(request, 200, health.liveness_body(request.format is Format.JSON))


async def readiness(request: ViewRequest) -> Reply:
    """Return 200 or 503, and in the latter case what is wrong."""
    problems = await request.deps.health.find_problems()
    return _reply(request, *health.readiness_response(problems, request.format is Format.JSON))


def _reply(request: ViewRequest, code: int, body: bytes) -> Reply:
    content_type = JSON if request.format is Format.JSON else TEXT
    return Reply(body, content_type, code, outcome="served" if code == 200 else "unavailable")
