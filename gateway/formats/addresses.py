"""URIs of people, as every document writes them, and what documents need to know of the site."""

import re
from typing import Protocol
from urllib.parse import quote

from ..text.sanitize import one_line

_UNRESERVED = "-._~!$&'()*+,;="
_STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_URI_CHARACTERS = _UNRESERVED + "%:/?#[]@"  # allowed in a URI (RFC 3986 section 2)


class SiteAddresses(Protocol):
    """The addresses of the site that documents name; dependencies.SiteInfo has them."""

    @property
    def host(self) -> str: ...
    @property
    def url(self) -> str: ...
    def person_url(self, login: str) -> str: ...


def as_uri(address: str) -> str:
    """Return the typed *address* as a URI: characters that a URI cannot hold are percent-encoded."""
    return quote(_STRAY_PERCENT.sub("%25", one_line(address)), safe=_URI_CHARACTERS)


def acct_uri(name: str, host: str) -> str:
    """Return the acct: URI of *name* (RFC 7565 section 7)."""
    return f"acct:{quote(name, safe=_UNRESERVED)}@{host}"


def finger_uri(name: str, host: str) -> str:
    """Return the finger: URI of *name* (draft-ietf-uri-url-finger-02)."""
    return f"finger://{host}/{quote(name, safe=_UNRESERVED)}"
