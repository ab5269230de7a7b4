"""A person's addresses as URIs, the same in every document."""

from urllib.parse import quote

_UNRESERVED = "-._~!$&'()*+,;="


def acct(name: str, host: str) -> str:
    """RFC 7565 section 7."""
    return f"acct:{quote(name, safe=_UNRESERVED)}@{host}"


def finger(name: str, host: str) -> str:
    """As browsers that know finger take it (draft-ietf-uri-url-finger-02)."""
    return f"finger://{host}/{quote(name, safe=_UNRESERVED)}"
