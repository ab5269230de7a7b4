"""The style sheet and the pictures: read once, each with an address that holds a mark of what it holds, so that it may
be kept for ever."""

import hashlib
import re
from pathlib import Path

from ..text.templates import OURS
from .reply import PUBLIC, UNCHANGING, Reply

FOLDER = OURS / "web" / "static"
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


def compact(sheet: str) -> str:
    """*sheet* without comments, and with no more blanks than it needs."""
    bare = re.sub(r"/\*.*?\*/", "", sheet, flags=re.S)
    return re.sub(r" ?([{};,]) ?|(:) ", r"\1\2", " ".join(bare.split())).replace(";}", "}") + "\n"


class Assets:
    """All files of *folder* whose kind is known."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._urls: dict[str, str] = {}
        self._replies: dict[str, Reply] = {}
        for file in sorted(folder.iterdir()):
            kind = _KINDS.get(file.suffix)
            if kind is not None:
                body = file.read_bytes() if file.suffix != ".css" else compact(file.read_text()).encode()
                marked = f"{file.stem}.{hashlib.blake2b(body, digest_size=5).hexdigest()}{file.suffix}"
                self._urls[file.name] = f"/static/{marked}"
                self._replies[file.name] = Reply(body, kind, cache=PUBLIC)
                self._replies[marked] = Reply(body, kind, cache=UNCHANGING)

    def url(self, name: str) -> str:
        """The address of the file *name*. Raises KeyError."""
        return self._urls[name]

    def get(self, name: str) -> Reply | None:
        """The file called *name*, with its mark or without."""
        return self._replies.get(name)
