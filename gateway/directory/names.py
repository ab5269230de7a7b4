"""Names as they are compared: login names and aliases (PRECIS), full names (folded), and our own host names."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from .addresses import Address

SUFFIXES = (".html", ".json", ".vcf", ".txt", ".atom")
MAX_LOGIN_CHARACTERS = 64
_FORBIDDEN = re.compile(r"""[/\\@,:;%?#&<>"'\x00-\x20\x7f-\x9f]""")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


class InvalidLogin(ValueError):
    """Text that no login name or alias can be; the message says what is allowed."""


@lru_cache(maxsize=4096)
def canonical_login(text: str) -> str:
    """The canonical form of a login name or alias: PRECIS UsernameCaseMapped (RFC 8265 section 3.3). Raises NotALogin."""
    if len(text) > MAX_LOGIN_CHARACTERS:
        raise InvalidLogin(f"at most {MAX_LOGIN_CHARACTERS} characters")
    if _PLAIN.fullmatch(text):
        canonical = text.lower()
    else:
        canonical = _enforce(text)
        if len(canonical) > MAX_LOGIN_CHARACTERS:  # a character may have become several
            raise InvalidLogin(f"at most {MAX_LOGIN_CHARACTERS} characters")
        if _FORBIDDEN.search(canonical):
            raise InvalidLogin("none of / \\ @ , : ; % ? # & < > \" ' and no blank")
        if canonical.startswith(("-", "~", ".")):
            raise InvalidLogin("not beginning with - ~ or .")
    if canonical.endswith(SUFFIXES):
        raise InvalidLogin("not ending in " + " ".join(SUFFIXES))
    return canonical


def canonical_login_or_none(text: str) -> str | None:
    """The canonical login name in *text*, or None where it can be none."""
    try:
        return canonical_login(text)
    except InvalidLogin:
        return None


def _enforce(text: str) -> str:
    from precis_i18n import get_profile

    try:
        return str(get_profile("UsernameCaseMapped").enforce(text))
    except UnicodeEncodeError as error:
        # precis-i18n says with this error that a character or a mixture of directions is not allowed.
        raise InvalidLogin(f"letters, digits and signs of one direction, no blanks ({error.reason})") from None


def fold_name(text: str) -> str:
    """A full name as it is compared: case folded, without marks (NFKD), blanks collapsed."""
    if text.isascii():
        return " ".join(text.lower().split())
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(bare.casefold().split())


class HostNames:
    """Our own host names: all of them are the same place, and the first is the main one."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(dict.fromkeys(canonical_host(name) for name in names))
        self.main = self.names[0]

    def __contains__(self, name: object) -> bool:
        """Is *name* ours? Case and a trailing dot do not matter; "[::1]" and "127.0.0.1" are ours as literals of loopback."""
        if not isinstance(name, str):
            return False
        canonical = canonical_host(name)
        if canonical in self.names:
            return True
        address = Address.parse(canonical.removeprefix("[").removesuffix("]"))
        return address is not None and address.is_loopback


def canonical_host(name: str) -> str:
    """A host name as it is compared."""
    return name.lower().removesuffix(".")
