"""The finger server (RFC 1288): what a line means, and what answers it. one_line_server.py does the rest.

query.py parses a line, answers.py and forwarding.py answer it.
"""

from collections.abc import Callable

from ..dependencies import ProtocolDependencies
from ..directory.viewers import Viewer
from ..one_line_server import OneLineHandler, OneLineRequest, OneLineService
from ..ops.request_tracker import Outcome
from .answers import answer_query
from .forwarding import forward
from .output_filters import with_finger_output
from .query import MAX_QUERY_BYTES, ForwardQuery, ListQuery, decode_line, is_foreign, parse_query
from .settings import FingerSettings


class FingerHandler(OneLineHandler):
    """Answers finger queries, with a renderer for terminals."""

    name = "finger"
    max_line_bytes = MAX_QUERY_BYTES

    def __init__(self, settings: FingerSettings, deps: ProtocolDependencies) -> None:
        super().__init__(settings, with_finger_output(settings, deps))

    is_foreign = staticmethod(is_foreign)

    def parse(self, line: bytes, is_local_host: Callable[[str], bool]) -> OneLineRequest:
        text = decode_line(line)
        query = parse_query(text, is_local_host)
        return OneLineRequest("list" if isinstance(query, ListQuery) else "lookup", text, query)

    async def answer(
        self, request: OneLineRequest, viewer: Viewer, write: Callable[[str], None]
    ) -> tuple[str, Outcome]:
        if isinstance(request.query, ForwardQuery):
            return await forward(request.query, write, self.settings, self.deps)
        return await answer_query(request.query, viewer, self.settings, self.deps)


class FingerService(OneLineService):
    """The finger service."""

    def __init__(self, settings: FingerSettings, deps: ProtocolDependencies) -> None:
        super().__init__(FingerHandler, settings, deps)
