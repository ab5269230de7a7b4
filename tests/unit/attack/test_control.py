"""Another program listens on the control socket."""

import socket
from pathlib import Path
from threading import Thread

import pytest

from gateway.ops import control


@pytest.mark.parametrize("reply", [b"garbage\n", b"[1]", b'{"changed": [', b"\xff\xfe"])
def test_an_invalid_reply_is_reported_as_refused(tmp_path: Path, reply: bytes) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            connection.recv(100)
            connection.sendall(reply)
            connection.close()

        server = Thread(target=serve, daemon=True)
        server.start()
        with pytest.raises(control.ControlRefused):
            control.send_verb(path, "reload", 5)
        server.join(5)
