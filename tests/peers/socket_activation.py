"""Run a command with inherited sockets, as systemd passes them: `socket_activation.py NAME=FD... -- COMMAND...`.

The descriptors become 3, 4 and so on; LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID describe them (sd_listen_fds(3)). The
parent process keeps the sockets open, as systemd does.
"""

import os
import sys


def main() -> None:
    words, command = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    named = [word.split("=") for word in words]
    kept = [os.dup(int(number)) for _, number in named]
    high = [os.dup2(each, 100 + position) for position, each in enumerate(kept)]
    for position, each in enumerate(high):
        os.dup2(each, 3 + position)
    os.closerange(3 + len(high), 200)
    os.environ["LISTEN_FDS"] = str(len(named))
    os.environ["LISTEN_FDNAMES"] = ":".join(name for name, _ in named)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
