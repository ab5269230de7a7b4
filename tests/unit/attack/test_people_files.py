"""Files of people that were made to hang or break the import."""

from time import perf_counter

import pytest

from gateway.formats import people_files
from gateway.formats.person_json import BadDocument

CARD = b"BEGIN:VCARD\nVERSION:4.0\nNICKNAME:alice\n%sEND:VCARD\n"


@pytest.mark.parametrize("line", [b"URL:http://a.example/\n", b"KEY:ssh-rsa x\n"])
def test_a_card_of_twenty_thousand_lines_of_a_kind_takes_no_minutes(line: bytes) -> None:
    """Each was looked for among all: a megabyte took two minutes and a half."""
    begun = perf_counter()
    with pytest.raises(BadDocument, match="at most 32"):
        people_files.read_people("vcard", CARD % (line * 20_000))
    assert perf_counter() - begun < 3


@pytest.mark.parametrize("column", ["links", "keys", "irc"])
def test_a_cell_that_is_nested_too_deep_is_a_mistake(column: str) -> None:
    with pytest.raises(BadDocument, match=r"line 2 \(alice\): " + column):
        people_files.read_people("csv", f"login,{column}\nalice,{'[' * 100_000}\n".encode())
