"""A person's card: as a vCard, and as a picture of one that a telephone reads."""

from io import BytesIO
from urllib.parse import quote

import segno

from ...dependencies import SiteInfo
from ...directory.privacy import Profile
from ...formats.card import make_short_vcards, make_vcard
from ..http.negotiation import Format
from ..http.reply import Reply
from ..pages import Pages, varying

MOST = 520  # bytes in a QR code: version 15 at level L, 77 modules a side, which a camera reads off a screen
MASK = 0  # one that is given costs 7 ms; to try all eight, for the one that looks best, 33
QUIET = 4  # modules of white round it, as ISO/IEC 18004 asks for


def vcard(pages: Pages, profile: Profile, site: SiteInfo, forced: bool) -> Reply:
    """*profile* as vCard 4.0, to be saved as LOGIN.vcf."""

    def made() -> Reply:
        told = f"inline; filename*=UTF-8''{quote(profile.login, safe='')}.vcf"
        headers = (("Content-Disposition", told),)
        return pages.about(
            profile, make_vcard(profile, site).encode(), Format.VCARD.kind, varying(forced), headers=headers
        )

    return pages.kept(profile, f"card {forced}", made)


def qr(pages: Pages, profile: Profile, site: SiteInfo) -> Reply:
    """The same, as far as it fits, as a QR code in SVG."""
    return pages.kept(profile, "qr", lambda: pages.about(profile, _drawn(profile, site), Format.SVG.kind))


def _drawn(profile: Profile, site: SiteInfo) -> bytes:
    *cards, page = make_short_vcards(profile, site)
    fitting = (text for text in cards if len(text.encode()) <= MOST)
    code = segno.make_qr(next(fitting, page), error="l", encoding="utf-8", mask=MASK)
    out = BytesIO()
    code.save(out, kind="svg", border=QUIET, light="#fff", omitsize=True, xmldecl=False, svgclass=None, lineclass=None)
    return out.getvalue() + b"\n"
