"""`python -m gateway.man` renews the manual pages."""

from .pages import PAGES

for file, generate in PAGES.items():
    file.write_text(generate(), encoding="ascii")
