"""Makes examples/demo/alice.png, the picture in the README: the demo's alice in a terminal and in a browser.

.venv-tests/bin/python -m tests.picture      (the demo's ports have to be free)
"""

import html
import re
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURE = Path(__file__).parents[1] / "examples" / "demo" / "alice.png"
BOTH = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #d9d4c7; display: grid; grid-template-columns: 1fr 1fr; gap: 20px; padding: 20px; }}
pre {{ margin: 0; padding: 18px; border-radius: 10px; background: #15181d; color: #e6e4de; overflow: hidden;
  font: 12px/1.45 "DejaVu Sans Mono", monospace; }}
pre b {{ color: #7ad49b; }}
img {{ width: 100%; border-radius: 10px; display: block; }}
</style><pre><b>$ finger alice@localhost</b>
{finger}

<b>/msg fingerbot alice</b>
{irc}</pre><img src="data:image/png;base64,{page}">"""


def main() -> None:
    demo = subprocess.Popen([sys.executable, "-m", "gateway", "demo"], stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    told = ""
    while "Ctrl-C ends it" not in told:
        line = demo.stdout.readline()
        assert line, told
        told += line
    _, finger, _, irc = re.split(r"\n(?:\$ |/msg )[^\n]*\n", told.partition("\nTry:")[0])
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1200, "height": 1100})
            page.goto("http://localhost:8080/users/alice")
            shot = b64encode(page.screenshot()).decode()
            page = browser.new_page(viewport={"width": 1280, "height": 600})
            page.set_content(
                BOTH.format(
                    finger=html.escape(finger.strip()), irc=html.escape("\n".join(irc.splitlines()[:5])), page=shot
                )
            )
            page.screenshot(path=PICTURE, clip={"x": 0, "y": 0, "width": 1280, "height": 600})
            browser.close()
    finally:
        demo.terminate()
        demo.wait(10)


if __name__ == "__main__":
    main()
