"""What is said to a prober and on the control socket. No sentence of it names anybody."""

LIVES = "ok"
READY = "ready"
STORE = "the database cannot be read"
BEHIND = "changes are not followed"
STOPPING = "starting or stopping"
NOTHING = "/metrics, /healthz and /readyz are here."

NOT_FOR_YOU = "only root and the user that the gateway runs as may ask this"
BROKEN = "internal error; the gateway's log tells more"
NO_SOCKET = "something that is no socket is there"


def no_such_verb(allowed: str) -> str:
    return f"found an unknown command; allowed: {allowed}"


def too_long(length: int, most: int) -> str:
    return f"a path of {length} bytes, where a socket's has {most} at most"
