"""Finger over real TLS: a long answer arrives complete, and the connection ends with a close_notify."""

import socket
import ssl
from pathlib import Path

import trustme

from tests.peers.gateway_process import free_port, is_listening, make_installation, run_gateway, wait_until

DEADLINE = 20.0
LINES = 1080
PLAN = "".join(f"{number:06} {'x' * 52}\n" for number in range(LINES))  # just below 64 KiB; the answer is longer


def test_F013_a_long_answer_over_tls_is_complete(tmp_path: Path) -> None:
    installation = make_installation(tmp_path, people=[{"login": "frank", "name": "Frank", "plan": PLAN}])
    authority, port = trustme.CA(), free_port()
    certificate = authority.issue_cert("dir.test")
    (installation.folder / "pair.pem").write_bytes(
        certificate.private_key_pem.bytes() + b"".join(each.bytes() for each in certificate.cert_chain_pems)
    )
    plain = f'listen = ["tcp:{installation.finger_port}:interface=127.0.0.1"'
    text = installation.settings.read_text()
    assert text.count(plain) == 1
    tls = f', "ssl:{port}:interface=127.0.0.1:privateKey=pair.pem:certKey=pair.pem"'
    installation.settings.write_text(text.replace(plain, plain + tls))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with run_gateway(installation):
        wait_until(lambda: is_listening(port), "the TLS endpoint")
        for attempt in range(5):
            with (
                socket.create_connection(("127.0.0.1", port), DEADLINE) as raw,
                context.wrap_socket(raw, server_hostname="dir.test", suppress_ragged_eofs=False) as client,
            ):
                client.sendall(b"frank\r\n")
                reply = b"".join(iter(lambda: client.recv(65536), b""))
            assert len(reply) > 65536, attempt
            assert f"{LINES - 1:06} ".encode() in reply[-200:]
