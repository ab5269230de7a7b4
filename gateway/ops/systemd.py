"""Notifications to systemd for a service of Type=notify (sd_notify(3)). Without $NOTIFY_SOCKET they do nothing."""

import os
import socket
import time
from contextlib import suppress

READY, STOPPING = "READY=1", "STOPPING=1"


def notify(state: str) -> None:
    """Send *state*, one or more lines."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # Linux's abstract namespace
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto(state.encode(), address)


def reloading() -> str:
    """Return the state of a reload; its time has to be from the monotonic clock, as systemd's own."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
