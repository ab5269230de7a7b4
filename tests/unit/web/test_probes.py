"""/healthz and /readyz: for programs that ask each second."""

from tests.unit.web.conftest import Build


def test_it_lives_and_would_answer(build: Build) -> None:
    web = build()
    for path, said in (("/healthz", "ok"), ("/readyz", "ready")):
        text = web.ask(path)
        assert (text.code, text.body, text["content-type"]) == (200, f"{said}\n".encode(), "text/plain; charset=utf-8")
        json = web.ask(path, Accept="application/json")
        assert (json.code, json.body) == (200, f'{{"status":"{said}"}}'.encode())
        assert json["cache-control"] == "private, no-store"


def test_reasons_are_told_in_words(build: Build) -> None:
    web = build()
    assert web.built.store.reader.connection is not None
    web.built.store.reader.connection.close()
    answer = web.ask("/readyz")
    assert (answer.code, answer.body) == (503, b"the database cannot be read\n")
    assert web.ask("/healthz").code == 200


def test_probers_are_counted_but_neither_limited_nor_recorded(build: Build) -> None:
    web = build(queries_per_minute=1)
    for _ in range(5):
        assert web.ask("/readyz").code == 200
    assert web.ask("/users/alice").code == 200
    assert web.built.deps.tracker.counts["web", "probe", "served"] == 5
    assert [each["query"] for each in web.built.access_log_entries] == ["alice"]


def test_a_prober_may_call_us_by_our_address(build: Build) -> None:
    """A balancer knows no name: the address that it dialled is ours."""
    assert build().ask("/readyz", host="10.0.0.1").code == 200
