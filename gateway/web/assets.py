"""Style sheet and images: read once, each with an address that holds a mark of what it holds, so that it may
be kept for ever."""

import hashlib
import re

from ..dependencies import PageLook
from ..rendering.templates import BUILT_IN
from .colours import accented
from .http.reply import PUBLIC, UNCHANGING, Reply

FOLDER = BUILT_IN / "web" / "static"
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}


def compact(sheet: str) -> str:
    """*sheet* without comments, and with no more blanks than it needs."""
    bare = re.sub(r"/\*.*?\*/", "", sheet, flags=re.S)
    return re.sub(r" ?([{};,>]) ?|(:) ", r"\1\2", " ".join(bare.split())).replace(";}", "}") + "\n"


class Assets:
    """All our files whose kind is known, in the operator's *look*. Marked addresses of *before* still hold."""

    def __init__(self, look: PageLook, before: "Assets | None" = None) -> None:
        self._urls: dict[str, str] = {}
        self._replies: dict[str, Reply] = {} if before is None else dict(before._replies)
        for file in sorted(FOLDER.iterdir()):
            if file.suffix == ".css":
                self._add(file.name, file.name, (compact(file.read_text()) + accented(look.accent)).encode())
            elif file.suffix in _KINDS:
                self._add(file.name, file.name, file.read_bytes())
        self._urls["logo"] = self._urls["icon.svg"]
        if look.logo is not None:
            self._add("logo", f"logo{look.logo.suffix.lower()}", look.logo.read_bytes())

    def _add(self, known_as: str, name: str, body: bytes) -> None:
        stem, dot, suffix = name.rpartition(".")
        kind = _KINDS[dot + suffix]
        marked = f"{stem}.{hashlib.blake2b(body, digest_size=5).hexdigest()}{dot}{suffix}"
        self._urls[known_as] = f"/static/{marked}"
        self._replies[name] = Reply(body, kind, cache=PUBLIC)
        self._replies[marked] = Reply(body, kind, cache=UNCHANGING)

    def url(self, name: str) -> str:
        """The address of the file *name*. Raises KeyError."""
        return self._urls[name]

    def get(self, name: str) -> Reply | None:
        """The file called *name*, with its mark or without."""
        return self._replies.get(name)
