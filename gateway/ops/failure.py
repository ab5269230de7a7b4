"""Unexpected failures: logged with their traceback; the client gets a reference number only."""

import secrets

from twisted.logger import Logger
from twisted.python.failure import Failure


def log_failure(log: Logger, what: str, failure: Failure | None = None) -> str:
    """Log the current exception, or *failure*, and return the reference number under which the log has it."""
    reference = secrets.token_hex(4)
    log.failure("{what}, reference {reference}", failure, what=what, reference=reference)
    return reference
