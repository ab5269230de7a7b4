"""CPU of a web question against nginx with the same bytes as a file, alternating: one person again and again as JSON, as the
page and with If-None-Match, and another person each time as JSON and as the page."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import people
from tests.bench.measure import CLIENT, SERVER, alternating, gateway, have, table
from tests.peers.gateway import free_port, listening, make_place, until, web

AT_ONCE, SECONDS = 32, 3
CONF = """daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit; events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; default_type application/json; sendfile on; open_file_cache max=10;
server {{ listen 127.0.0.1:{port}; root {folder}/static; }} }}
"""
ANOTHER = """local number = {first}
request = function()
    number = number + 1
    return wrk.format("GET", string.format("/users/p%07d{ending}", number % {count}))
end
"""


@contextmanager
def nginx(folder: Path, body: bytes) -> Iterator[tuple[int, list[int]]]:
    """nginx with *body* at /answer: its port and its worker."""
    port = free_port()
    (folder / "static").mkdir()
    (folder / "static" / "answer").write_bytes(body)
    for each in (folder, folder / "static"):
        each.chmod(0o755)
    (folder / "nginx.conf").write_text(CONF.format(folder=folder, port=port))
    process = subprocess.Popen([*SERVER, "nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        until(lambda: listening(port), "nginx")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        yield port, until(lambda: [int(each) for each in children.read_text().split()], "nginx's worker")
    finally:
        process.terminate()
        process.wait()


def requests(url: str, *options: str) -> int:
    """As many as wrk gets answered."""
    command = [*CLIENT, "wrk", "-t1", f"-c{AT_ONCE}", f"-d{SECONDS}s", *options, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    done = re.search(r"(\d+) requests in", said)
    assert done and "Non-2xx" not in said, said
    return int(done[1])


def main(folder: Path) -> None:
    if not have("nginx", "wrk"):
        return
    place = make_place(folder)
    count = 100_000
    people.fill(place.database, count)
    script = folder / "another.lua"
    with gateway(place) as running:
        alice = f"http://127.0.0.1:{place.web}/users/alice"
        code, body = web(place.web, "/users/alice.json")
        assert code == 200
        with nginx(folder, body.encode()) as (port, workers):

            def cold(number: int, ending: str) -> int:
                script.write_text(ANOTHER.format(first=number * 15_000, count=count, ending=ending))
                return requests(f"http://127.0.0.1:{place.web}/", "-s", str(script))

            tag = etag(place.web)
            sides: dict[str, Callable[[int], int]] = {
                "nginx": lambda _: requests(f"http://127.0.0.1:{port}/answer"),
                "JSON, hot": lambda _: requests(f"{alice}.json"),
                "JSON, 304": lambda _: requests(f"{alice}.json", "-H", f"If-None-Match: {tag}"),
                "JSON, cold": lambda number: cold(number, ".json"),
                "page, hot": lambda _: requests(f"{alice}.html"),
                "page, cold": lambda number: cold(number, ".html"),
            }
            figures = alternating(sides, {name: [running.process.pid] for name in sides} | {"nginx": workers})
    least = figures["nginx"][0]
    rows = [(name, spent, rate, f"{spent / least:.2f}") for name, (spent, rate) in figures.items()]
    table(f"Web, JSON of {len(body)} bytes, {AT_ONCE} connections", ("web", "CPU us", "a second", "ratio"), rows)


def etag(port: int) -> str:
    import http.client

    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    asking.request("GET", "/users/alice.json", headers={"Host": "localhost"})
    tag = asking.getresponse().getheader("ETag")
    asking.close()
    assert tag
    return tag
