"""/healthz and /readyz, the health probes."""

from tests.unit.web.conftest import Build


def test_healthy_and_ready(build: Build) -> None:
    web = build()
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        text = web.request(path)
        assert (text.code, text.body, text["content-type"]) == (
            200,
            f"{status}\n".encode(),
            "text/plain; charset=utf-8",
        )
        json = web.request(path, Accept="application/json")
        assert (json.code, json.body) == (200, f'{{"status":"{status}"}}'.encode())
        assert json["cache-control"] == "private, no-store"


def test_the_reason_is_in_the_response(build: Build) -> None:
    web = build()
    assert web.built.store.reader.connection is not None
    web.built.store.reader.connection.close()
    answer = web.request("/readyz")
    assert (answer.code, answer.body) == (503, b"the database cannot be read\n")
    assert web.request("/healthz").code == 200


def test_probes_are_counted_but_neither_limited_nor_logged(build: Build) -> None:
    web = build(queries_per_minute=1)
    for _ in range(5):
        assert web.request("/readyz").code == 200
    assert web.request("/users/alice").code == 200
    assert web.built.deps.tracker.counts["web", "probe", "served"] == 5
    assert [each["query"] for each in web.built.access_log_entries] == ["alice"]


def test_a_probe_may_use_the_address_as_host(build: Build) -> None:
    """A load balancer sends the address that it connected to as the host."""
    assert build().request("/readyz", host="10.0.0.1").code == 200
