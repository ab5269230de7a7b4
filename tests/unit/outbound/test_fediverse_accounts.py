"""Verdicts on fediverse accounts: when hosts are queried and how long verdicts are cached.

What hosts answer is tested in test_webfinger_client.py."""

import pytest

from gateway.outbound import fediverse_accounts
from gateway.outbound.fediverse_accounts import CONFIRMED_TTL, MAX_CONCURRENT_CHECKS, UNCONFIRMED_TTL, FediverseAccounts
from gateway.outbound.fediverse_address import Actor, parse_account
from gateway.outbound.public_hosts import OutboundConnections
from gateway.outbound.webfinger_client import TIMEOUT

from .network import Network, StartedCoroutine
from .social import FediverseHost, document

pytestmark = pytest.mark.usefixtures("trusted")

ALICE = Actor("https://social.example/users/alice", "https://social.example/users/alice")


class AccountsSetup:
    """Fediverse accounts on hosts that answer when a test makes them."""

    def __init__(self, **names: str) -> None:
        self.network = Network({f"{name}.example": [[address]] for name, address in names.items()})
        self.accounts = FediverseAccounts(self.network, OutboundConnections(self.network, lambda: ["192.5.6.30"], list))

    def confirm(self, user: str) -> None:
        """Let social.example confirm *user*."""
        href = f"https://social.example/users/{user}"
        link = {"rel": "self", "type": "application/activity+json", "href": href}
        FediverseHost(self.network, "social.example").send(
            document({"subject": f"acct:{user}@social.example", "links": [link]})
        )


@pytest.mark.parametrize(
    ("text", "account"),
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
def test_parse_account(text: str, account: tuple[str, str] | None) -> None:
    assert parse_account(text) == account


def test_waiting_for_a_first_verdict_has_a_timeout() -> None:
    setup = AccountsSetup(social="9.9.9.9")
    waiting = StartedCoroutine(setup.accounts.wait_for_actor("@alice@social.example", 3.0))
    setup.network.advance(2.9)
    assert waiting.results == []
    setup.network.advance(0.1)
    assert waiting.result is None
    assert setup.network.tried == [("9.9.9.9", 443)], "the check continues"
    assert setup.accounts.confirmed_actor("@alice@social.example") is None
    assert setup.network.tried == [("9.9.9.9", 443)], "one check per account"


def test_all_waiters_share_a_check_and_an_unconfirmed_verdict_lasts_an_hour() -> None:
    setup = AccountsSetup(social="9.9.9.9")
    waiting = [StartedCoroutine(setup.accounts.wait_for_actor("@alice@social.example", 3.0)) for _ in range(3)]
    setup.network.refuse()
    assert [each.result for each in waiting] == [None, None, None]
    setup.network.advance(UNCONFIRMED_TTL - 1)
    assert StartedCoroutine(setup.accounts.wait_for_actor("@alice@social.example", 3.0)).result is None
    assert len(setup.network.tried) == 1
    setup.network.advance(1)
    assert StartedCoroutine(setup.accounts.wait_for_actor("@alice@social.example", 3.0)).result is None, (
        "only the first check is waited for"
    )
    assert len(setup.network.tried) == 2


def test_a_confirmed_verdict_lasts_a_day_and_stays_during_the_next_check() -> None:
    setup = AccountsSetup(social="9.9.9.9")
    waiting = StartedCoroutine(setup.accounts.wait_for_actor("@alice@social.example", 3.0))
    setup.confirm("alice")
    assert waiting.result == ALICE
    setup.network.advance(CONFIRMED_TTL - 1)
    assert setup.accounts.confirmed_actor("alice@SOCIAL.example") == ALICE
    assert len(setup.network.tried) == 1
    setup.network.advance(1)
    assert setup.accounts.confirmed_actor("@alice@social.example") == ALICE
    assert len(setup.network.tried) == 2
    setup.network.refuse()
    assert setup.accounts.confirmed_actor("@alice@social.example") is None


def test_each_account_is_checked_separately() -> None:
    setup = AccountsSetup(social="9.9.9.9", other="9.9.9.8")
    setup.accounts.confirmed_actor("@alice@social.example")
    setup.confirm("alice")
    assert setup.accounts.confirmed_actor("@alice@other.example") is None
    assert setup.network.tried == [("9.9.9.9", 443), ("9.9.9.8", 443)]


def test_number_of_concurrent_checks_is_limited() -> None:
    names = {f"h{number}": f"9.9.9.{number + 1}" for number in range(MAX_CONCURRENT_CHECKS + 1)}
    setup = AccountsSetup(**names)
    for name in names:
        setup.accounts.confirmed_actor(f"@alice@{name}.example")
    assert len(setup.network.tried) == MAX_CONCURRENT_CHECKS
    last = f"@alice@h{MAX_CONCURRENT_CHECKS}.example"
    assert StartedCoroutine(setup.accounts.wait_for_actor(last, 3.0)).result is None
    setup.network.advance(TIMEOUT)
    assert StartedCoroutine(setup.accounts.wait_for_actor(last, 3.0)).results == [], (
        "the number of checks is below the limit again"
    )
    assert len(setup.network.tried) == MAX_CONCURRENT_CHECKS + 1


def test_least_recently_used_verdicts_are_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fediverse_accounts, "MAX_VERDICTS", 2)
    setup = AccountsSetup(social="9.9.9.9")
    for user in "ab":
        setup.accounts.confirmed_actor(f"@{user}@social.example")
        setup.confirm(user)
    setup.accounts.confirmed_actor("@a@social.example")
    setup.accounts.confirmed_actor("@c@social.example")
    setup.confirm("c")
    assert len(setup.network.tried) == 3
    assert setup.accounts.confirmed_actor("@a@social.example") is not None
    assert setup.accounts.confirmed_actor("@b@social.example") is None
    assert len(setup.network.tried) == 4
