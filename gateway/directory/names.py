"""Names as they are compared: logins and aliases (PRECIS), full names (folded), and this site's host names."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from .addresses import Address

RESERVED_ENDINGS = (".html", ".json", ".vcf", ".txt", ".atom")
MAX_LOGIN_CHARACTERS = 64
_FORBIDDEN = re.compile(r"""[/\\@,:;%?#&<>"'\x00-\x20\x7f-\x9f]""")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


class InvalidLogin(ValueError):
    """Text that cannot be a login or alias; the message says what it must be, as in "found X; must be ..."."""


@lru_cache(maxsize=4096)
def canonical_login(text: str) -> str:
    """Return the canonical form of a login or alias: PRECIS UsernameCaseMapped (RFC 8265 section 3.3). Raises InvalidLogin."""
    if len(text) > MAX_LOGIN_CHARACTERS:
        raise InvalidLogin(f"at most {MAX_LOGIN_CHARACTERS} characters long")
    if _PLAIN.fullmatch(text):
        canonical = text.lower()
    else:
        canonical = _enforce_precis(text)
        if len(canonical) > MAX_LOGIN_CHARACTERS:  # one character may have become several
            raise InvalidLogin(f"at most {MAX_LOGIN_CHARACTERS} characters long")
        if _FORBIDDEN.search(canonical):
            raise InvalidLogin("a name without spaces and without / \\ @ , : ; % ? # & < > \" '")
        if canonical.startswith(("-", "~", ".")):
            raise InvalidLogin("a name that does not begin with - ~ or .")
    if canonical.endswith(RESERVED_ENDINGS):
        raise InvalidLogin("a name that does not end in " + " ".join(RESERVED_ENDINGS))
    return canonical


def canonical_login_or_none(text: str) -> str | None:
    """Return the canonical login in *text*, or None if it cannot be one."""
    try:
        return canonical_login(text)
    except InvalidLogin:
        return None


def _enforce_precis(text: str) -> str:
    from precis_i18n import get_profile

    try:
        return str(get_profile("UsernameCaseMapped").enforce(text))
    except UnicodeEncodeError as error:
        # precis-i18n raises this for a character or a mixture of directions that is not allowed.
        if "bidi" in error.reason:
            raise InvalidLogin("a name with letters of one writing direction only") from None
        raise InvalidLogin('a name of letters, digits, - . _ without spaces, e.g. "alice"') from None


def fold_name(text: str) -> str:
    """Return a full name as it is compared: case folded, without marks (NFKD), spaces collapsed."""
    if text.isascii():
        return " ".join(text.lower().split())
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(bare.casefold().split())


class HostNames:
    """The host names of this site; the first is the main one."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(dict.fromkeys(canonical_host(name) for name in names))
        self.main = self.names[0]

    def __contains__(self, name: object) -> bool:
        """Return whether *name* is this site's. Case and a final dot do not matter; loopback addresses count."""
        if not isinstance(name, str):
            return False
        canonical = canonical_host(name)
        if canonical in self.names:
            return True
        address = Address.parse(canonical.removeprefix("[").removesuffix("]"))
        return address is not None and address.is_loopback


def canonical_host(name: str) -> str:
    """Return a host name as it is compared."""
    return name.lower().removesuffix(".")
