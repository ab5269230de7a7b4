"""The verdicts on fediverse accounts: who is asked for when, and for how long the answer holds. What a host says is
test_webfinger.py's."""

import pytest

from gateway.outbound import fediverse_accounts
from gateway.outbound.fediverse_accounts import CONFIRMED_TTL, MAX_CONCURRENT_CHECKS, UNCONFIRMED_TTL, FediverseAccounts
from gateway.outbound.fediverse_address import Actor, parse_account
from gateway.outbound.public_hosts import OutboundConnections
from gateway.outbound.webfinger_client import TIMEOUT

from .network import Begun, Network
from .social import Host, document

pytestmark = pytest.mark.usefixtures("trusted")

ALICE = Actor("https://social.example/users/alice", "https://social.example/users/alice")


class Kept:
    """Accounts of hosts that are silent until a test has them speak."""

    def __init__(self, **names: str) -> None:
        self.network = Network({f"{name}.example": [[address]] for name, address in names.items()})
        self.accounts = FediverseAccounts(self.network, OutboundConnections(self.network, lambda: ["192.5.6.30"], list))

    def confirms(self, user: str) -> None:
        """social.example knows *user*."""
        href = f"https://social.example/users/{user}"
        told = {"rel": "self", "type": "application/activity+json", "href": href}
        Host(self.network, "social.example").says(document({"subject": f"acct:{user}@social.example", "links": [told]}))


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("@alice@social.example", ("alice", "social.example")), ("alice@social.example", ("alice", "social.example")),
        (" @a.b-c_D@SOCIAL.example. ", ("a.b-c_D", "social.example")),
        ("@alice@münchen.example", ("alice", "xn--mnchen-3ya.example")),
        ("", None), ("alice", None), ("@alice", None), ("@@social.example", None), ("@alice@localhost", None),
        ("@alice@127.0.0.1", None), ("@alice@[::1]", None), ("@alice@social.example:8443", None),
        ("@alice@social.example/x", None), ("@alice@bob@social.example", None), ("@al ice@social.example", None),
        ("@a\r\nb@social.example", None), ("@alice@-.example", None), ("https://social.example/@alice", None),
    ],
)  # fmt: skip
def test_what_is_an_account(text: str, means: tuple[str, str] | None) -> None:
    assert parse_account(text) == means


def test_nobody_waits_for_a_first_verdict_longer_than_they_like() -> None:
    kept = Kept(social="9.9.9.9")
    waiting = Begun(kept.accounts.wait_for_actor("@alice@social.example", 3.0))
    kept.network.advance(2.9)
    assert waiting.results == []
    kept.network.advance(0.1)
    assert waiting.result is None
    assert kept.network.tried == [("9.9.9.9", 443)], "the check goes on"
    assert kept.accounts.confirmed_actor("@alice@social.example") is None
    assert kept.network.tried == [("9.9.9.9", 443)], "one for each account"


def test_all_who_wait_are_told_at_once_and_a_bad_verdict_is_kept_for_an_hour() -> None:
    kept = Kept(social="9.9.9.9")
    waiting = [Begun(kept.accounts.wait_for_actor("@alice@social.example", 3.0)) for _ in range(3)]
    kept.network.refuses()
    assert [each.result for each in waiting] == [None, None, None]
    kept.network.advance(UNCONFIRMED_TTL - 1)
    assert Begun(kept.accounts.wait_for_actor("@alice@social.example", 3.0)).result is None
    assert len(kept.network.tried) == 1
    kept.network.advance(1)
    assert Begun(kept.accounts.wait_for_actor("@alice@social.example", 3.0)).result is None, (
        "only the first is waited for"
    )
    assert len(kept.network.tried) == 2


def test_a_good_verdict_is_kept_for_a_day_and_stands_while_it_is_asked_for_anew() -> None:
    kept = Kept(social="9.9.9.9")
    waiting = Begun(kept.accounts.wait_for_actor("@alice@social.example", 3.0))
    kept.confirms("alice")
    assert waiting.result == ALICE
    kept.network.advance(CONFIRMED_TTL - 1)
    assert kept.accounts.confirmed_actor("alice@SOCIAL.example") == ALICE
    assert len(kept.network.tried) == 1
    kept.network.advance(1)
    assert kept.accounts.confirmed_actor("@alice@social.example") == ALICE
    assert len(kept.network.tried) == 2
    kept.network.refuses()
    assert kept.accounts.confirmed_actor("@alice@social.example") is None


def test_another_account_is_asked_for_anew() -> None:
    kept = Kept(social="9.9.9.9", other="9.9.9.8")
    kept.accounts.confirmed_actor("@alice@social.example")
    kept.confirms("alice")
    assert kept.accounts.confirmed_actor("@alice@other.example") is None
    assert kept.network.tried == [("9.9.9.9", 443), ("9.9.9.8", 443)]


def test_a_few_are_asked_for_at_once_and_the_rest_goes_without() -> None:
    names = {f"h{number}": f"9.9.9.{number + 1}" for number in range(MAX_CONCURRENT_CHECKS + 1)}
    kept = Kept(**names)
    for name in names:
        kept.accounts.confirmed_actor(f"@alice@{name}.example")
    assert len(kept.network.tried) == MAX_CONCURRENT_CHECKS
    last = f"@alice@h{MAX_CONCURRENT_CHECKS}.example"
    assert Begun(kept.accounts.wait_for_actor(last, 3.0)).result is None
    kept.network.advance(TIMEOUT)
    assert Begun(kept.accounts.wait_for_actor(last, 3.0)).results == [], "there is room again"
    assert len(kept.network.tried) == MAX_CONCURRENT_CHECKS + 1


def test_those_asked_for_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fediverse_accounts, "MAX_VERDICTS", 2)
    kept = Kept(social="9.9.9.9")
    for user in "ab":
        kept.accounts.confirmed_actor(f"@{user}@social.example")
        kept.confirms(user)
    kept.accounts.confirmed_actor("@a@social.example")
    kept.accounts.confirmed_actor("@c@social.example")
    kept.confirms("c")
    assert len(kept.network.tried) == 3
    assert kept.accounts.confirmed_actor("@a@social.example") is not None
    assert kept.accounts.confirmed_actor("@b@social.example") is None
    assert len(kept.network.tried) == 4
