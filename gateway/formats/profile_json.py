"""Write profiles as JSON. The OpenAPI document is generated from the types. Texts are sanitized, as in every other view."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from ..directory.fields import STORED
from ..directory.person import Login, PersonFields, Time
from ..directory.privacy import Profile
from ..text.sanitize import one_line, sanitize
from .addresses import SiteAddresses, acct_uri, finger_uri

_MULTILINE_FIELDS = ("plan", "keys")  # fields with line breaks in their texts


class ProfileDocument(PersonFields, frozen=True, kw_only=True, omit_defaults=True):
    """What the viewer may see of a person; fields that are hidden or empty are left out."""

    url: Annotated[str, Meta(description="The person's page.")]
    acct: Annotated[str, Meta(description="The account as an acct: URI, as in WebFinger.")]
    finger: Annotated[str, Meta(description="The finger: URI of this person.")]
    updated: Annotated[Time | None, Meta(description="When something that you may see last changed.")] = None
    online: Annotated[bool | None, Meta(description="Is the person online? Left out if you may not know.")] = None
    logins: tuple[Login, ...] = ()
    last_seen: Time | None = None


class PeopleDocument(Struct, frozen=True, omit_defaults=True):
    """One page of a list of people, without their plans and keys."""

    people: tuple[ProfileDocument, ...]
    next: Annotated[str | None, Meta(description="The address of the next page, if there is one.")] = None


class FrontDocument(Struct, frozen=True):
    """The front page: the newest plans and who is online."""

    newest: tuple[ProfileDocument, ...]
    online: tuple[ProfileDocument, ...]
    people: Annotated[str, Meta(description="The address of the list of people.")]


def make_profile_document(profile: Profile, site: SiteAddresses) -> ProfileDocument:
    """Return all that *profile* shows."""
    values = {
        name: _sanitize_texts(getattr(profile, name), sanitize if name in _MULTILINE_FIELDS else one_line)
        for name in STORED
    }
    return ProfileDocument(
        login=profile.login,
        **values,
        url=site.person_url(profile.login),
        acct=acct_uri(profile.login, site.host),
        finger=finger_uri(profile.login, site.host),
        updated=profile.updated and profile.updated.replace(microsecond=0),
        online=profile.online,
        logins=_sanitize_texts(profile.logins, one_line),
        last_seen=profile.last_seen and profile.last_seen.replace(microsecond=0),
    )


def make_list_documents(profiles: Sequence[Profile], site: SiteAddresses) -> tuple[ProfileDocument, ...]:
    """Return *profiles* for a list, without the fields that can be long."""
    return tuple(make_profile_document(replace(each, plan="", keys=()), site) for each in profiles)


def _sanitize_texts(value: Any, clean: Callable[[str], str]) -> Any:
    """Return *value* with *clean* applied to each text in it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, tuple):
        return tuple(_sanitize_texts(each, clean) for each in value)
    if isinstance(value, Struct):
        texts = {name: getattr(value, name) for name in value.__struct_fields__}
        return replace(value, **{name: clean(text) for name, text in texts.items() if isinstance(text, str)})
    return value
