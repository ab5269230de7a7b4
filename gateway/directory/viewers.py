"""From evidence (an address, a command on this machine) to a Viewer: the only maker of Viewers.

Protocols hand over what they have seen and never decide who somebody is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .addresses import Address, Networks
from .names import login

Scope = Literal["members", "self", "administrator"] | None


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. *scope* is the most that the evidence allows: None leaves a stranger, whatever else is true."""

    login: str | None
    administrator: bool
    member: bool
    scope: Scope
    protocol: str
    address: Address | None


@dataclass(frozen=True, slots=True)
class LocalCommand:
    """The finger-gateway command, run by whoever may write the database: an administrator's. With *login* the question
    is asked as that person, without it as the administrator; *stranger* asks as everyone sees it."""

    login: str | None = None
    stranger: bool = False


Evidence = LocalCommand


class Viewers:
    """Knows what the settings say of askers: the networks of members, the logins of administrators."""

    def __init__(self, members: Iterable[str] = (), administrators: Iterable[str] = ()) -> None:
        self._members = Networks(members)
        self._administrators = frozenset(login(name) for name in administrators)
        self._strangers = {name: Viewer(None, False, False, None, name, None) for name in ("finger", "web", "irc")}

    def from_address(self, protocol: str, address: Address | None) -> Viewer:
        """Somebody of whom only the address is known; None where not even that is."""
        if address is None:
            return self._strangers[protocol]
        member = address in self._members
        return Viewer(None, False, member, "members" if member else None, protocol, address)

    async def from_evidence(self, evidence: Evidence) -> Viewer:
        """Somebody who has shown who they are."""
        if evidence.stranger:
            return Viewer(None, False, False, None, "command", None)
        if evidence.login is not None:
            name = login(evidence.login)
            return Viewer(name, name in self._administrators, True, "self", "command", None)
        return Viewer(None, True, True, "administrator", "command", None)
