"""`python -m gateway` is `finger-gateway`."""

from .cli import main

main()
