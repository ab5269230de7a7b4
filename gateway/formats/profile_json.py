"""Profiles as JSON: what a program is told of people, in the names that INTERFACE has. The types are what is sent and what
the description for programs (OpenAPI) is made from. Its texts are cleaned, as on every other way out.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol

from msgspec import Meta, Struct
from msgspec.structs import replace

from ..directory.fields import STORED
from ..directory.person import Facts, Login, Time
from ..directory.privacy import Profile
from ..text.sanitize import one_line, sanitize
from .addresses import acct, finger

_LINES = ("plan", "keys")  # fields whose texts have lines


class Place(Protocol):
    """What a document tells of the site: house.Site has it."""

    @property
    def host(self) -> str: ...
    def person_url(self, login: str) -> str: ...


class ProfileDocument(Facts, frozen=True, kw_only=True, omit_defaults=True):
    """What the asker may see of a person; what is not shown, or not there, is left out."""

    url: Annotated[str, Meta(description="The person's page.")]
    acct: Annotated[str, Meta(description="The account, as WebFinger has it.")]
    finger: Annotated[str, Meta(description="Where finger tells the same.")]
    updated: Annotated[Time | None, Meta(description="When something that the asker may see changed last.")] = None
    online: Annotated[bool | None, Meta(description="Is the person on now? Left out where the asker may not know.")] = (
        None
    )
    logins: tuple[Login, ...] = ()
    last_seen: Time | None = None


class PeopleDocument(Struct, frozen=True, omit_defaults=True):
    """A part of a list. Plans and keys stand in the profile alone."""

    people: tuple[ProfileDocument, ...]
    next: Annotated[str | None, Meta(description="The address of the next part, where there is one.")] = None


class FrontDocument(Struct, frozen=True):
    """What is new, and who is on."""

    newest: tuple[ProfileDocument, ...]
    online: tuple[ProfileDocument, ...]
    people: Annotated[str, Meta(description="The address of the list of people.")]


def profile_document(profile: Profile, site: Place) -> ProfileDocument:
    """All that the asker may see."""
    facts = {name: _cleaned(getattr(profile, name), sanitize if name in _LINES else one_line) for name in STORED}
    return ProfileDocument(
        login=profile.login,
        **facts,
        url=site.person_url(profile.login),
        acct=acct(profile.login, site.host),
        finger=finger(profile.login, site.host),
        updated=profile.updated and profile.updated.replace(microsecond=0),
        online=profile.online,
        logins=_cleaned(profile.logins, one_line),
        last_seen=profile.last_seen and profile.last_seen.replace(microsecond=0),
    )


def listed_documents(profiles: Sequence[Profile], site: Place) -> tuple[ProfileDocument, ...]:
    """The same in a list: without what may be long."""
    return tuple(profile_document(replace(each, plan="", keys=()), site) for each in profiles)


def _cleaned(held: Any, how: Callable[[str], str]) -> Any:
    """*held* with each text in it as *how* has it."""
    if isinstance(held, str):
        return how(held)
    if isinstance(held, tuple):
        return tuple(_cleaned(each, how) for each in held)
    if isinstance(held, Struct):
        texts = {name: getattr(held, name) for name in held.__struct_fields__}
        return replace(held, **{name: how(text) for name, text in texts.items() if isinstance(text, str)})
    return held
