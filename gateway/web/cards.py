"""A person's card: as a vCard, and as a picture of one that a telephone reads."""

from ..directory.privacy import Profile
from ..house import Site
from .formats import Format
from .pages import Pages
from .reply import Reply


def vcard(pages: Pages, profile: Profile, site: Site, forced: bool) -> Reply:
    """*profile* as vCard 4.0."""
    return pages.error(404, Format.VCARD)


def qr(pages: Pages, profile: Profile, site: Site) -> Reply:
    """The same, as far as it fits, as a QR code in SVG."""
    return pages.error(404, Format.TEXT)
