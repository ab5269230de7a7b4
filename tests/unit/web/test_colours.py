"""The accent colour: readable on light and dark backgrounds."""

import re

import pytest

from gateway.web.colours import DARK_PAPER, LIGHT_PAPER, accent_css, contrast


@pytest.mark.parametrize("colour", ["#b33", "#000000", "#ffffff", "#ff0", "#0a5872", "#777"])
def test_every_accent_colour_is_readable_on_both_backgrounds(colour: str) -> None:
    match = re.fullmatch(r":root\{--accent:light-dark\(#(.{6}),#(.{6})\)\}\n", accent_css(colour))
    assert match is not None
    for found, paper in zip(match.groups(), (LIGHT_PAPER, DARK_PAPER), strict=True):
        red, green, blue = bytes.fromhex(found)
        assert contrast((red, green, blue), paper) >= 4.5


def test_a_readable_colour_is_unchanged() -> None:
    assert "light-dark(#bb3333," in accent_css("#b33")
    assert accent_css(None) == ""
