"""Style sheet and images: read once, each with a content hash in its address, so that clients may keep it for ever."""

import hashlib
import re

from ..dependencies import PageLook
from ..rendering.templates import BUILT_IN
from .colours import accent_css
from .http.reply import IMMUTABLE, PUBLIC, Reply

STATIC_FOLDER = BUILT_IN / "web" / "static"
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}


def minify_css(sheet: str) -> str:
    """Return *sheet* without comments and needless white space."""
    bare = re.sub(r"/\*.*?\*/", "", sheet, flags=re.S)
    return re.sub(r" ?([{};,>]) ?|(:) ", r"\1\2", " ".join(bare.split())).replace(";}", "}") + "\n"


class Assets:
    """All files of known types, with the operator's *look*.

    Addresses of *before*, the assets until a reload, still work.
    """

    def __init__(self, look: PageLook, before: "Assets | None" = None) -> None:
        self.urls: dict[str, str] = {}
        self._replies: dict[str, Reply] = {} if before is None else dict(before._replies)
        for file in sorted(STATIC_FOLDER.iterdir()):
            if file.suffix == ".css":
                self._add(file.name, file.name, (minify_css(file.read_text()) + accent_css(look.accent)).encode())
            elif file.suffix in _CONTENT_TYPES:
                self._add(file.name, file.name, file.read_bytes())
        self.urls["logo"] = self.urls["icon.svg"]
        if look.logo is not None:
            self._add("logo", f"logo{look.logo.suffix.lower()}", look.logo.read_bytes())

    def _add(self, known_as: str, name: str, body: bytes) -> None:
        stem, dot, suffix = name.rpartition(".")
        kind = _CONTENT_TYPES[dot + suffix]
        marked = f"{stem}.{hashlib.blake2b(body, digest_size=5).hexdigest()}{dot}{suffix}"
        self.urls[known_as] = f"/static/{marked}"
        self._replies[name] = Reply(body, kind, cache_control=PUBLIC)
        self._replies[marked] = Reply(body, kind, cache_control=IMMUTABLE)

    def get(self, name: str) -> Reply | None:
        """Return the file called *name*, with its content hash or without; None without such a file."""
        return self._replies.get(name)
