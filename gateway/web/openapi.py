"""The description of the web side for programs: OpenAPI 3.1, made from the table of routes and the types of documents."""

from ..house import Site
from .reply import Reply


def answer(site: Site) -> Reply | None:
    """The description of *site*."""
    return None
