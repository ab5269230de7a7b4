"""A face as a picture, for those who show one beside a name: the two letters and the colours that pages draw (style.css)."""

from colorsys import hls_to_rgb
from dataclasses import replace

from markupsafe import Markup

from ...directory.privacy import Profile
from .. import markup
from ..http.negotiation import Format
from ..http.reply import Reply
from ..pages import Pages

_PICTURE = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96" role="img" aria-label="{letters}">'
    '<defs><linearGradient id="g" x1=".33" y1="0" x2=".67" y2="1"><stop stop-color="{top}"/>'
    '<stop offset="1" stop-color="{bottom}"/></linearGradient></defs>'
    '<rect width="96" height="96" rx="30" fill="url(#g)"/>'
    '<text x="48" y="61" font-family="system-ui, Noto Sans, sans-serif" font-weight="700" font-size="36" '
    'text-anchor="middle" fill="#fff">{letters}</text></svg>\n'
)


def answer(pages: Pages, profile: Profile) -> Reply:
    """The face of *profile*, which is a stranger's: other places show it."""

    def made() -> Reply:
        return replace(pages.about(profile, _drawn(profile), Format.SVG.kind, ""), embeddable=True)

    return pages.kept(profile, "face", made)


def _drawn(profile: Profile) -> bytes:
    hue = markup.HUES[markup.hue(profile.login)]
    letters = markup.letters(profile.name, profile.login)
    return _PICTURE.format(letters=letters, top=_colour(hue, 0.5, 0.31), bottom=_colour(hue + 35, 0.55, 0.23)).encode()


def _colour(hue: int, saturation: float, lightness: float) -> str:
    """As CSS has it: "#rrggbb" of a hue in degrees."""
    parts = hls_to_rgb(hue % 360 / 360, lightness, saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
