"""Viewers are made from evidence only."""

import ast
from pathlib import Path

import pytest

import gateway
from gateway.directory.addresses import Address
from gateway.directory.names import InvalidLogin
from gateway.directory.viewers import LocalCommand, Viewers
from tests.unit.fixtures import result_of

VIEWERS = Viewers(["192.0.2.0/24"], ["ALICE"])


@pytest.mark.parametrize("protocol", ["finger", "web", "irc", "gopher"])
def test_no_evidence_is_a_stranger(protocol: str) -> None:
    """This holds for unknown protocols too."""
    viewer = VIEWERS.from_address(protocol, None)
    assert (viewer.login, viewer.administrator, viewer.member, viewer.scope) == (None, False, False, None)
    assert (viewer.protocol, viewer.address) == (protocol, None)


@pytest.mark.parametrize(
    ("text", "member"),
    [("192.0.2.9", True), ("::ffff:192.0.2.9", True), ("198.51.100.1", False), ("127.0.0.1", False), ("::1", False)],
)
def test_an_address_gives_at_most_member_rights(text: str, member: bool) -> None:
    address = Address.parse(text)
    viewer = VIEWERS.from_address("finger", address)
    assert (viewer.login, viewer.administrator) == (None, False)
    assert (viewer.member, viewer.scope) == ((True, "members") if member else (False, None))
    assert viewer.address == address


def test_the_local_command() -> None:
    administrator = result_of(VIEWERS.from_evidence(LocalCommand()))
    assert (administrator.login, administrator.administrator, administrator.scope) == (None, True, "administrator")
    bob = result_of(VIEWERS.from_evidence(LocalCommand("BOB", "self")))
    assert (bob.login, bob.administrator, bob.member, bob.scope) == ("bob", False, True, "self")
    member = result_of(VIEWERS.from_evidence(LocalCommand("alice", "members")))
    assert (member.login, member.administrator, member.member, member.scope) == (None, False, True, "members")
    stranger = result_of(VIEWERS.from_evidence(LocalCommand("alice", "everyone")))
    assert (stranger.login, stranger.administrator, stranger.member, stranger.scope) == (None, False, False, None)
    with pytest.raises(InvalidLogin):
        result_of(VIEWERS.from_evidence(LocalCommand("a b", "self")))


def test_scope_self_without_a_login_gives_no_rights() -> None:
    """Fail closed: incomplete evidence does not make an administrator."""
    nobody = result_of(VIEWERS.from_evidence(LocalCommand(None, "self")))
    assert (nobody.login, nobody.administrator, nobody.scope) == (None, False, None)


def test_viewers_are_created_in_viewers_py_only() -> None:
    makers = set()
    folder = Path(gateway.__file__).parent
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
                if name == "Viewer":
                    makers.add(file.relative_to(folder).as_posix())
    assert makers == {"directory/viewers.py"}
