"""For all tests: children get Ctrl-C as from a terminal, even where whoever runs the tests ignores it."""

import signal


def pytest_configure() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
