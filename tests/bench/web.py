"""CPU of a web request compared with nginx that serves the same bytes from a file, alternating: one person repeatedly
as JSON, as a page and with If-None-Match, and a different person each time as JSON and as a page."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import people
from tests.bench.measure import CLIENT, SERVER, measure_alternating, print_table, programs_available, run_pinned_gateway
from tests.peers.gateway_process import free_port, http_get, is_listening, make_installation, wait_until

CONCURRENCY, SECONDS = 32, 3
NGINX_CONF = """daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit; events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; default_type application/json; sendfile on; open_file_cache max=10;
server {{ listen 127.0.0.1:{port}; root {folder}/static; }} }}
"""
LUA_NEXT_PERSON = """local number = {first}
request = function()
    number = number + 1
    return wrk.format("GET", string.format("/users/p%07d{ending}", number % {count}))
end
"""


@contextmanager
def run_nginx(folder: Path, body: bytes) -> Iterator[tuple[int, list[int]]]:
    """Run nginx with *body* at /answer. Yield its port and its worker."""
    port = free_port()
    (folder / "static").mkdir()
    (folder / "static" / "answer").write_bytes(body)
    for each in (folder, folder / "static"):
        each.chmod(0o755)
    (folder / "nginx.conf").write_text(NGINX_CONF.format(folder=folder, port=port))
    process = subprocess.Popen([*SERVER, "nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        wait_until(lambda: is_listening(port), "nginx")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        yield port, wait_until(lambda: [int(each) for each in children.read_text().split()], "nginx's worker")
    finally:
        process.terminate()
        process.wait()


def count_requests(url: str, *options: str) -> int:
    """Return how many requests of wrk are answered."""
    command = [*CLIENT, "wrk", "-t1", f"-c{CONCURRENCY}", f"-d{SECONDS}s", *options, url]
    reply = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    done = re.search(r"(\d+) requests in", reply)
    assert done and "Non-2xx" not in reply, reply
    return int(done[1])


def main(folder: Path) -> None:
    if not programs_available("nginx", "wrk"):
        return
    installation = make_installation(folder)
    count = 100_000
    people.fill_database(installation.database, count)
    script = folder / "another.lua"
    with run_pinned_gateway(installation) as running:
        alice = f"http://127.0.0.1:{installation.web_port}/users/alice"
        code, body = http_get(installation.web_port, "/users/alice.json")
        assert code == 200
        with run_nginx(folder, body.encode()) as (port, workers):

            def cold(number: int, ending: str) -> int:
                script.write_text(LUA_NEXT_PERSON.format(first=number * 15_000, count=count, ending=ending))
                return count_requests(f"http://127.0.0.1:{installation.web_port}/", "-s", str(script))

            tag = get_etag(installation.web_port)
            sides: dict[str, Callable[[int], int]] = {
                "nginx": lambda _: count_requests(f"http://127.0.0.1:{port}/answer"),
                "JSON, hot": lambda _: count_requests(f"{alice}.json"),
                "JSON, 304": lambda _: count_requests(f"{alice}.json", "-H", f"If-None-Match: {tag}"),
                "JSON, cold": lambda number: cold(number, ".json"),
                "page, hot": lambda _: count_requests(f"{alice}.html"),
                "page, cold": lambda number: cold(number, ".html"),
            }
            figures = measure_alternating(sides, {name: [running.process.pid] for name in sides} | {"nginx": workers})
    least = figures["nginx"][0]
    rows = [(name, spent, rate, f"{spent / least:.2f}") for name, (spent, rate) in figures.items()]
    print_table(
        f"Web, JSON of {len(body)} bytes, {CONCURRENCY} connections", ("web", "CPU us", "a second", "ratio"), rows
    )


def get_etag(port: int) -> str:
    import http.client

    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    client.request("GET", "/users/alice.json", headers={"Host": "localhost"})
    tag = client.getresponse().getheader("ETag")
    client.close()
    assert tag
    return tag
