"""A person's contact card: as a vCard, and as a QR code that a phone's camera reads."""

from io import BytesIO
from urllib.parse import quote

import segno

from ...dependencies import SiteInfo
from ...directory.privacy import Profile
from ...formats.vcard_writer import make_short_vcards, make_vcard
from ..http.negotiation import Format
from ..http.reply import Reply
from ..replies import ReplyBuilder, vary_header
from ..routing import ViewRequest
from .lookup import find_person

MAX_QR_BYTES = 520  # of a QR code of version 15 at level L, 77 modules a side, which a camera reads off a screen
QR_MASK = 0  # a given mask costs 7 ms; to find the best-looking of all eight, 33 ms
QUIET_ZONE = 4  # modules of white around it (ISO/IEC 18004)


def vcard_reply(replies: ReplyBuilder, profile: Profile, site: SiteInfo, forced: bool) -> Reply:
    """Return *profile* as vCard 4.0, to be saved as LOGIN.vcf."""

    def make() -> Reply:
        disposition = f"inline; filename*=UTF-8''{quote(profile.login, safe='')}.vcf"
        headers = (("Content-Disposition", disposition),)
        body = make_vcard(profile, site).encode()
        return replies.profile_reply(profile, body, Format.VCARD.content_type, vary_header(forced), headers=headers)

    return replies.get_or_make(profile, f"card {forced}", make)


async def show_qr_code(request: ViewRequest) -> Reply:
    """Return as much of the vCard as fits in a QR code, in SVG."""
    found = await find_person(request)
    if isinstance(found, Reply):
        return found
    profile, replies, site = found, request.replies, request.deps.site
    return replies.get_or_make(
        profile, "qr", lambda: replies.profile_reply(profile, _draw(profile, site), Format.SVG.content_type)
    )


def _draw(profile: Profile, site: SiteInfo) -> bytes:
    *cards, page = make_short_vcards(profile, site)
    fitting = (text for text in cards if len(text.encode()) <= MAX_QR_BYTES)
    code = segno.make_qr(next(fitting, page), error="l", encoding="utf-8", mask=QR_MASK)
    out = BytesIO()
    code.save(
        out, kind="svg", border=QUIET_ZONE, light="#fff", omitsize=True, xmldecl=False, svgclass=None, lineclass=None
    )
    return out.getvalue() + b"\n"
