"""Random lines to the real gateway, over sockets. Each is made from a printed seed and its number (tests/fuzz.py)."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz import LONG, SEED, Case, find_fault, make_case, resident_kib
from tests.peers.gateway_process import DEADLINE, ENV_WITHOUT_COVERAGE, Installation, run_gateway, wait_until
from tests.peers.limits import count_sockets, make_limited_installation
from tests.unit.fixtures import PEOPLE

COUNT = 200_000 if LONG else 20_000  # unit/finger/test_fuzz_lines.py sends more, without a socket
AT_ONCE = 24  # all ready clients are answered in one reactor iteration, which the watchdog measures
FOREIGN = (b"\x16\x03", b"\0", b"\x03\0")  # closed without reading the rest
RUDE = 40  # one client in this many disconnects without reading the answer, by FIN or by RST
LIMITS = """
queries_per_minute = 1000000
connections_per_address = 500
timeout = "20s"
"""
# A huge plan, and one with everything that must not be passed on.
FRANK = {"login": "frank", "name": "Frank", "plan": "".join(f"{n:06} {'é' * 46}\n" for n in range(300))}
ERNA = {"login": "erna", "name": "Erna \x1b[1m", "plan": "\x1b[32mgr\u202en\r\n\x9b31m\x07\x00\x85\ufeff\x1bPx"}


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return make_limited_installation(tmp_path, LIMITS, people=[*PEOPLE, FRANK, ERNA])


async def reply(port: int, one: Case) -> bytes:
    """All that comes back for *one*, asked from one of 200 addresses."""
    came = (f"127.0.3.{1 + one.number % 200}", 0)
    reading, writing = await asyncio.open_connection("127.0.0.1", port, local_addr=came)
    try:
        for piece in one.segments:
            writing.write(piece)
            await asyncio.sleep(0)
        if one.half_closes:
            writing.write_eof()
        return await asyncio.wait_for(reading.read(), DEADLINE)
    finally:
        writing.close()


async def disconnect_early(port: int, one: Case) -> None:
    """Says *one* and is gone."""
    _, writing = await asyncio.open_connection("127.0.0.1", port)
    writing.write(one.sent)
    if one.number % (2 * RUDE):
        writing.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writing.close()


async def attack(port: int, one: Case) -> None:
    if not one.number % RUDE:
        await disconnect_early(port, one)
        return
    try:
        wrong = find_fault(one.sent, came := await reply(port, one))
    except TimeoutError:
        wrong, came = "no end", b""
    except OSError as error:  # a reset, reported by a read, write or shutdown
        wrong, came = "" if one.sent.startswith(FOREIGN) else str(error), b""
    assert not wrong, f"{wrong}: {came[:300]!r}\n{one}"


async def attack_with(port: int, cases: Iterator[Case]) -> None:
    """Sends all of *cases*, AT_ONCE at a time."""

    async def each() -> None:
        for one in cases:
            await attack(port, one)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(each())


@pytest.mark.usefixtures("untraced")
def test_F120_F022_F025_F071_F074_random_lines(installation: Installation) -> None:
    """Each gets one reply in the data format and one log entry; nothing is logged as an error, no connection stays
    open, memory stays constant."""
    print(f"seed {SEED}")
    cases = (make_case(SEED, number) for number in range(COUNT))
    with run_gateway(installation, env=ENV_WITHOUT_COVERAGE) as running:
        wait_until(lambda: "web.listen[0]: listening" in running.log, "the last line of the start")
        listening, log = count_sockets(running.process.pid), running.log
        began = time.monotonic()
        asyncio.run(attack_with(installation.finger_port, islice(cases, COUNT // 4)))
        before = resident_kib(running.process.pid)
        asyncio.run(attack_with(installation.finger_port, cases))
        took, after = time.monotonic() - began, resident_kib(running.process.pid)
        wait_until(lambda: count_sockets(running.process.pid) <= listening, "the end of all connections")
        noise = running.log.removeprefix(log).splitlines()
        assert [line for line in noise if "gateway.store.sqlite_store" not in line] == [], SEED  # a slow disk is logged
    print(f"{COUNT} lines in {took:.1f} s; resident {before} KiB after a quarter, {after} KiB at the end")
    assert after - before < 12 * 1024
    with (installation.folder / "access.jsonl").open() as lines:
        outcomes = [json.loads(line)["outcome"] for line in lines]
    assert COUNT - COUNT // RUDE <= len(outcomes) <= COUNT
    assert "error" not in outcomes
