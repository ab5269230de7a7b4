"""Something else answers where the control socket should be."""

import socket
from pathlib import Path
from threading import Thread

import pytest

from gateway.ops import control


@pytest.mark.parametrize("said", [b"garbage\n", b"[1]", b'{"changed": [', b"\xff\xfe"])
def test_an_answer_that_is_none_is_a_refusal(tmp_path: Path, said: bytes) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer() -> None:
            connection, _ = listening.accept()
            connection.recv(100)
            connection.sendall(said)
            connection.close()

        other = Thread(target=answer, daemon=True)
        other.start()
        with pytest.raises(control.ControlRefused):
            control.send_verb(path, "reload", 5)
        other.join(5)
