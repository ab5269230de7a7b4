"""What a run knows: whom it asks, what was said so far, who exists there."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["pass", "fail", "not tested"]


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, and how. *logins*: people who exist there, the first one for most checks; *name*: the full name of the
    first; *host_names*: what the server calls itself; *wait*: seconds that the waiting checks wait, 0 for not at all;
    *timeout*: seconds for each answer; *seed*: of made-up names and random lines."""

    host: str
    port: int = 79
    logins: tuple[str, ...] = ()
    name: str = ""
    host_names: tuple[str, ...] = ()
    aggressive: bool = False
    wait: float = 15.0
    timeout: float = 5.0
    seed: int = 1288


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one check. *sent* and *seen*: the bytes that decided, where there are any."""

    id: str
    verdict: Verdict
    why: str
    sent: bytes = b""
    seen: bytes = b""
