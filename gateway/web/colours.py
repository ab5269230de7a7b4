"""The operator's colour, made readable: as light or as dark as it has to be on our paper (WCAG 2.2, 1.4.3)."""

LIGHT, DARK = (0xFA, 0xF8, 0xF3), (0x15, 0x17, 0x1B)  # --paper of style.css
ENOUGH = 4.5
STEPS = 50

Colour = tuple[int, int, int]


def accented(accent: str | None) -> str:
    """The end of a style sheet whose accent is *accent*, "#rgb" or "#rrggbb"; nothing for None."""
    if accent is None:
        return ""
    colour = _read(accent)
    light, dark = _readable(colour, LIGHT, (0, 0, 0)), _readable(colour, DARK, (255, 255, 255))
    return f":root{{--accent:light-dark({_written(light)},{_written(dark)})}}\n"


def contrast(one: Colour, other: Colour) -> float:
    """From 1 (the same) to 21 (black on white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _readable(colour: Colour, paper: Colour, towards: Colour) -> Colour:
    """*colour*, mixed with as little of *towards* as makes it stand out from *paper*."""
    for step in range(STEPS + 1):
        red, green, blue = (round(a + (b - a) * step / STEPS) for a, b in zip(colour, towards, strict=True))
        if contrast((red, green, blue), paper) >= ENOUGH:
            return red, green, blue
    return towards


def _luminance(colour: Colour) -> float:
    red, green, blue = (c / 12.92 if (c := each / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for each in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _read(text: str) -> Colour:
    digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def _written(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
