"""Texts of health checks and of the control socket. None of them holds data of a person."""

ALIVE = "ok"
READY = "ready"
STORE_UNREADABLE = "the database cannot be read"
CHANGES_NOT_FOLLOWED = "changes are not followed"
STOPPING = "starting or stopping"
NO_SUCH_PAGE = "/metrics, /healthz and /readyz are here."

NOT_PERMITTED = "only root and the gateway's own user may do this"
INTERNAL_ERROR = "internal error; see the gateway's log"
NOT_A_SOCKET = "the path exists but is not a socket"


def no_such_verb(known: str) -> str:
    return f"unknown command; known: {known}"


def path_too_long(length: int, most: int) -> str:
    return f"the path has {length} bytes; a socket path may have at most {most}"
