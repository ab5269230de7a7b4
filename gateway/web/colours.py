"""The operator's accent colour, made readable on the page's background in light and dark mode (WCAG 2.2, 1.4.3)."""

LIGHT_PAPER, DARK_PAPER = (0xFA, 0xF8, 0xF3), (0x15, 0x17, 0x1B)  # --paper of style.css
MIN_CONTRAST = 4.5
MIX_STEPS = 50

Colour = tuple[int, int, int]


def accent_css(accent: str | None) -> str:
    """Return the CSS that sets *accent*, "#rgb" or "#rrggbb"; "" for None."""
    if accent is None:
        return ""
    colour = _parse(accent)
    light, dark = _readable(colour, LIGHT_PAPER, (0, 0, 0)), _readable(colour, DARK_PAPER, (255, 255, 255))
    return f":root{{--accent:light-dark({_to_hex(light)},{_to_hex(dark)})}}\n"


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, from 1 (equal) to 21 (black on white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _readable(colour: Colour, paper: Colour, towards: Colour) -> Colour:
    """Mix *colour* with as little of *towards* as gives it enough contrast to *paper*."""
    for step in range(MIX_STEPS + 1):
        red, green, blue = (round(a + (b - a) * step / MIX_STEPS) for a, b in zip(colour, towards, strict=True))
        if contrast((red, green, blue), paper) >= MIN_CONTRAST:
            return red, green, blue
    return towards


def _luminance(colour: Colour) -> float:
    red, green, blue = (c / 12.92 if (c := each / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for each in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parse(text: str) -> Colour:
    digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def _to_hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
