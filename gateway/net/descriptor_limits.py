"""How many connections fit into the file descriptors that the system allows."""

import resource

RESERVED_DESCRIPTORS = 40  # that are no connections: log files, database, listeners, what a command opens
CONNECTION_SHARE = 0.8  # of all descriptors


def fit_connections(wanted: int) -> int:
    """Return how many of the *wanted* connections fit. The soft limit is raised as far as necessary and allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = int(1.2 * wanted / CONNECTION_SHARE) + RESERVED_DESCRIPTORS
    if soft < needed and (hard == resource.RLIM_INFINITY or soft < hard):
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # Up to 1.2 times as many are accepted, to be refused with a message (admission.py).
    return max(1, min(wanted, int(CONNECTION_SHARE * soft), int((soft - RESERVED_DESCRIPTORS) / 1.2)))
