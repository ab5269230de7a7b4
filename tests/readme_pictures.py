"""Make the pictures in the README, with the demo's people: examples/demo/alice.png shows alice in a terminal and in a
browser; examples/demo/pages.png shows the front page, and tomas on a telephone in dark mode.

    .venv-tests/bin/python -m tests.readme_pictures      (the demo's ports must be free)
"""

import html
import re
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FOLDER = Path(__file__).parents[1] / "examples" / "demo"
BASE = "http://localhost:8080"
SIDE_BY_SIDE_HTML = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #d9d4c7; display: grid; grid-template-columns: 1fr 1fr; gap: 20px; padding: 20px; }}
pre {{ margin: 0; padding: 18px; border-radius: 10px; background: #15181d; color: #e6e4de; overflow: hidden;
  font: 12px/1.45 "DejaVu Sans Mono", monospace; }}
pre b {{ color: #7ad49b; }}
img {{ width: 100%; border-radius: 10px; display: block; }}
</style><pre><b>$ finger alice@localhost</b>
{finger}

<b>/msg fingerbot alice</b>
{irc}</pre><img src="data:image/png;base64,{page}">"""
PAGES_HTML = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #d9d4c7; display: grid; grid-template-columns: 790px 250px; gap: 20px; padding: 20px; }}
img {{ width: 100%; border-radius: 10px; display: block; }}
</style><img src="data:image/png;base64,{front}"><img src="data:image/png;base64,{phone}">"""


def take_screenshot(browser: Browser, path: str, theme: Literal["light", "dark"], width: int, height: int) -> str:
    """Return a screenshot of the visible part of a page, in Base64."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
    page.goto(BASE + path)
    return b64encode(page.screenshot()).decode()


def main() -> None:
    demo = subprocess.Popen([sys.executable, "-m", "gateway", "demo"], stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    output = ""
    while "Ctrl-C ends the demo" not in output:
        line = demo.stdout.readline()
        assert line, output
        output += line
    _, finger, _, irc = re.split(r"\n(?:\$ |/msg )[^\n]*\n", output.partition("\nTry:")[0])
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            wide = take_screenshot(browser, "/users/alice", "light", 1200, 1100)
            front, phone = (
                take_screenshot(browser, "/", "light", 1200, 780),
                take_screenshot(browser, "/users/tomas", "dark", 390, 790),
            )
            lines = html.escape("\n".join(irc.splitlines()[:5]))
            both = SIDE_BY_SIDE_HTML.format(finger=html.escape(finger.strip()), irc=lines, page=wide)
            pages = PAGES_HTML.format(front=front, phone=phone)
            for name, content, width, height in (("alice", both, 1280, 600), ("pages", pages, 1100, 552)):
                page = browser.new_page(viewport={"width": width, "height": height})
                page.set_content(content)
                page.screenshot(path=FOLDER / f"{name}.png")
            browser.close()
    finally:
        demo.terminate()
        demo.wait(10)


if __name__ == "__main__":
    main()
