"""A person's avatar as a picture: the initials and colours that pages draw with style.css."""

from colorsys import hls_to_rgb
from dataclasses import replace

from markupsafe import Markup

from ...directory.privacy import Profile
from .. import markup
from ..http.negotiation import Format
from ..http.reply import Reply
from ..routing import ViewRequest
from .lookup import find_person

_PICTURE = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96" role="img" aria-label="{letters}">'
    '<defs><linearGradient id="g" x1=".33" y1="0" x2=".67" y2="1"><stop stop-color="{top}"/>'
    '<stop offset="1" stop-color="{bottom}"/></linearGradient></defs>'
    '<rect width="96" height="96" rx="30" fill="url(#g)"/>'
    '<text x="48" y="61" font-family="system-ui, Noto Sans, sans-serif" font-weight="700" font-size="36" '
    'text-anchor="middle" fill="#fff">{letters}</text></svg>\n'
)


async def show_avatar(request: ViewRequest) -> Reply:
    """Return the avatar as everyone may see it, since other sites embed it."""
    found = await find_person(request)
    if isinstance(found, Reply):
        return found
    profile, replies = found, request.replies

    def make() -> Reply:
        return replace(replies.profile_reply(profile, _draw(profile), Format.SVG.content_type, ""), embeddable=True)

    return replies.get_or_make(profile, "face", make)


def _draw(profile: Profile) -> bytes:
    hue = markup.AVATAR_HUES[markup.hue_index(profile.login)]
    letters = markup.initials(profile.name, profile.login)
    return _PICTURE.format(letters=letters, top=_colour(hue, 0.5, 0.31), bottom=_colour(hue + 35, 0.55, 0.23)).encode()


def _colour(hue: int, saturation: float, lightness: float) -> str:
    """Return "#rrggbb" for a hue in degrees, a saturation and a lightness from 0 to 1."""
    parts = hls_to_rgb(hue % 360 / 360, lightness, saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
