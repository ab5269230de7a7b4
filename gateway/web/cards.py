"""A person's card: as a vCard, and as a picture of one that a telephone reads."""

from io import BytesIO
from urllib.parse import quote

import segno

from ..directory.privacy import Profile
from ..formats.card import card, short_cards
from ..house import Site
from .formats import Format
from .pages import Pages, varying
from .reply import Reply

MOST_VERSION = 15  # of a QR code: 77 modules a side, which a camera reads off a screen, and 20 ms of work
QUIET = 4  # modules of white round it, as ISO/IEC 18004 asks for


def vcard(pages: Pages, profile: Profile, site: Site, forced: bool) -> Reply:
    """*profile* as vCard 4.0, to be saved as LOGIN.vcf."""

    def made() -> Reply:
        told = f"inline; filename*=UTF-8''{quote(profile.login, safe='')}.vcf"
        headers = (("Content-Disposition", told),)
        return pages.about(profile, card(profile, site).encode(), Format.VCARD.kind, varying(forced), headers=headers)

    return pages.kept(profile, f"card {forced}", made)


def qr(pages: Pages, profile: Profile, site: Site) -> Reply:
    """The same, as far as it fits, as a QR code in SVG."""
    return pages.kept(profile, "qr", lambda: pages.about(profile, _drawn(profile, site), Format.SVG.kind))


def _drawn(profile: Profile, site: Site) -> bytes:
    page, *more = reversed(list(short_cards(profile, site)))
    code = segno.make_qr(page, error="l")
    for text in more:
        try:
            fuller = segno.make_qr(text, error="l", encoding="utf-8")
        except segno.DataOverflowError:
            break
        if int(fuller.version) > MOST_VERSION:
            break
        code = fuller
    out = BytesIO()
    code.save(out, kind="svg", border=QUIET, light="#fff", omitsize=True, xmldecl=False, svgclass=None, lineclass=None)
    return out.getvalue() + b"\n"
