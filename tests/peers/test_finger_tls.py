"""Finger over TLS, for real: a long answer arrives whole and the connection ends with a close notice."""

import socket
import ssl
from pathlib import Path

import trustme

from tests.peers.gateway import free_port, listening, make_place, serving, until

DEADLINE = 20.0
LINES = 1080
PLAN = "".join(f"{number:06} {'x' * 52}\n" for number in range(LINES))  # just below 64 KiB; the answer is longer


def test_F013_a_long_answer_over_tls_is_whole(tmp_path: Path) -> None:
    place = make_place(tmp_path, people=[{"login": "frank", "name": "Frank", "plan": PLAN}])
    authority, port = trustme.CA(), free_port()
    certificate = authority.issue_cert("dir.test")
    (place.folder / "pair.pem").write_bytes(
        certificate.private_key_pem.bytes() + b"".join(each.bytes() for each in certificate.cert_chain_pems)
    )
    plain = f'listen = ["tcp:{place.finger}:interface=127.0.0.1"'
    text = place.settings.read_text()
    assert text.count(plain) == 1
    tls = f', "ssl:{port}:interface=127.0.0.1:privateKey=pair.pem:certKey=pair.pem"'
    place.settings.write_text(text.replace(plain, plain + tls))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with serving(place):
        until(lambda: listening(port), "the TLS endpoint")
        for attempt in range(5):
            with (
                socket.create_connection(("127.0.0.1", port), DEADLINE) as raw,
                context.wrap_socket(raw, server_hostname="dir.test", suppress_ragged_eofs=False) as client,
            ):
                client.sendall(b"frank\r\n")
                reply = b"".join(iter(lambda: client.recv(65536), b""))
            assert len(reply) > 65536, attempt
            assert f"{LINES - 1:06} ".encode() in reply[-200:]
