"""From evidence (an address, a command on this machine) to a Viewer. This is the only module that makes Viewers.

Protocols hand over what they know of a client and never decide who it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .addresses import Address, Networks
from .names import canonical_login

Scope = Literal["members", "self", "administrator"] | None


@dataclass(frozen=True, slots=True)
class Viewer:
    """The client of a request. *scope* is the most that the evidence allows; None makes a stranger, whatever else is true."""

    login: str | None
    administrator: bool
    member: bool
    scope: Scope
    protocol: str
    address: Address | None


@dataclass(frozen=True, slots=True)
class LocalCommand:
    """The finger-gateway command, run by somebody who may write the database, and so an administrator.

    It may look at people *as* a viewer with fewer rights; "self" needs the *login* of that person.
    """

    login: str | None = None
    as_: Literal["administrator", "self", "members", "everyone"] = "administrator"


class Viewers:
    """Makes viewers by the settings: the networks of members, the logins of administrators."""

    def __init__(self, members: Iterable[str] = (), administrators: Iterable[str] = ()) -> None:
        self._members = Networks(members)
        self._administrators = frozenset(canonical_login(name) for name in administrators)
        self._strangers: dict[str, Viewer] = {}

    def from_address(self, protocol: str, address: Address | None) -> Viewer:
        """Return the viewer for a client of whom only the address is known, or not even that (None)."""
        if address is None:
            if protocol not in self._strangers:
                self._strangers[protocol] = Viewer(None, False, False, None, protocol, None)
            return self._strangers[protocol]
        member = address in self._members
        return Viewer(None, False, member, "members" if member else None, protocol, address)

    async def from_evidence(self, evidence: LocalCommand) -> Viewer:
        """Return the viewer for somebody who has proved who they are."""
        if evidence.as_ == "everyone":
            return Viewer(None, False, False, None, "command", None)
        if evidence.as_ == "members":
            return Viewer(None, False, True, "members", "command", None)
        if evidence.as_ == "self":
            name = None if evidence.login is None else canonical_login(evidence.login)
            return Viewer(name, False, name is not None, None if name is None else "self", "command", None)
        return Viewer(None, True, True, "administrator", "command", None)
