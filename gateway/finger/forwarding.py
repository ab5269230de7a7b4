"""A question that is to be asked of somebody else (RFC 1288 section 2.4, {Q2}): whom we ask for whom, and what we say of it."""

from collections.abc import Callable

from ..house import House
from ..operate.exchange import Outcome
from . import messages
from .query import Elsewhere
from .settings import Finger


async def forward(
    query: Elsewhere, pass_on: Callable[[str], None], settings: Finger, house: House
) -> tuple[str, Outcome]:
    """Asks the right-most host of *query*. What it says is handed to *pass_on* as it comes, cleaned, lines ended by LF.
    Gives what is to be said at the end of it, and what the record says."""
    return messages.DENIED, "refused"
