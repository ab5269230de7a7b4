"""Import files made to hang or break the import."""

from time import process_time

import pytest

from gateway.formats import people_files
from gateway.formats.person_json import BadDocument

CARD = b"BEGIN:VCARD\nVERSION:4.0\nNICKNAME:alice\n%sEND:VCARD\n"


@pytest.mark.parametrize("line", [b"URL:http://a.example/\n", b"KEY:ssh-rsa x\n"])
def test_a_vcard_with_20000_lines_of_one_kind_is_rejected_quickly(line: bytes) -> None:
    """A quadratic search took two and a half minutes for one megabyte."""
    started = process_time()
    with pytest.raises(BadDocument, match="at most 32"):
        people_files.read_people("vcard", CARD % (line * 20_000))
    assert process_time() - started < 3


@pytest.mark.parametrize("column", ["links", "keys", "irc"])
def test_a_too_deeply_nested_csv_cell_is_an_error(column: str) -> None:
    with pytest.raises(BadDocument, match=r"line 2 \(alice\): " + column):
        people_files.read_people("csv", f"login,{column}\nalice,{'[' * 100_000}\n".encode())
