"""A person's addresses as URIs, the same in every document."""

import re
from urllib.parse import quote

from ..text.sanitize import one_line

_UNRESERVED = "-._~!$&'()*+,;="
_STRAY = re.compile("%(?![0-9A-Fa-f]{2})")
_URI = _UNRESERVED + "%:/?#[]@"  # what may stand in a URI (RFC 3986 section 2)


def uri(address: str) -> str:
    """*address* as somebody wrote it, where a URI is asked for: what may not stand in one is encoded."""
    return quote(_STRAY.sub("%25", one_line(address)), safe=_URI)


def acct(name: str, host: str) -> str:
    """RFC 7565 section 7."""
    return f"acct:{quote(name, safe=_UNRESERVED)}@{host}"


def finger(name: str, host: str) -> str:
    """As browsers that know finger take it (draft-ietf-uri-url-finger-02)."""
    return f"finger://{host}/{quote(name, safe=_UNRESERVED)}"
