"""Measure speed and memory, and print tables and ratios.

    python -m tests.bench [sanitize] [finger] [web] [growth] [hidden] [start] [walk]      all without an argument

Needs gcc and taskset; the web part nginx and wrk as well. The machine should have two cores and nothing else to do.
"""

import argparse
import tempfile
from importlib import import_module
from pathlib import Path

PARTS = ("sanitize", "finger", "web", "start", "hidden", "growth", "walk")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("-v", "--verbose", action="store_true", help="walk: show each entry")
    options = parser.parse_args()
    if wrong := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(wrong))}")
    for part in options.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="finger-bench-") as folder:
            import_module(f"tests.bench.{part}").main(Path(folder))


if __name__ == "__main__":
    main()
