"""Messages about wrong settings, for types that no setting has yet."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from gateway.config.loader import convert
from gateway.config.problems import BadSettings
from gateway.config.types import Duration


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    size: Annotated[int, Meta(gt=0, lt=10)] = 1
    ratio: Annotated[float, Meta(ge=0, le=1)] = 0.5
    word: Annotated[str, Meta(pattern="^[a-z]+$")] = "x"


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    inner: Inner | None = None
    table: dict[Literal["one", "two"], Inner] = {}
    either: int | str = 0
    wait: Duration | None = None
    choice: Literal[1, 2] = 1


def convert_errors(table: dict[str, Any]) -> list[str]:
    with pytest.raises(BadSettings) as bad:
        convert("f.toml", table, Outer)
    return str(bad.value).splitlines()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"inner": {"size": 10}}, "f.toml: inner.size: found 10; must be an integer greater than 0 and less than 10, e.g. 1"),
        ({"inner": {"ratio": 2.0}}, "f.toml: inner.ratio: found 2.0; must be a number between 0 and 1, e.g. 0.5"),
        ({"inner": {"word": "X"}}, "f.toml: inner.word: found 'X'; must be a string that matches ^[a-z]+$, e.g. \"x\""),
        ({"inner": 5}, "f.toml: inner: found 5; must be an object"),
        ({"table": {"one": {"ratio": 2}}}, "f.toml: table.one.ratio: found 2; must be a number between 0 and 1, e.g. 0.5"),
        ({"table": {"onne": {}}}, 'f.toml: table.onne: found \'onne\'; must be "one" or "two" (did you mean "one"?)'),
        ({"table": []}, "f.toml: table: found []; must be an object"),
        ({"either": []}, "f.toml: either: found []; must be an integer or a string"),
        ({"wait": "x"}, "f.toml: wait: found 'x'; must be a duration, e.g. \"10s\", \"5m\" or \"30d\""),
        ({"choice": 3}, 'f.toml: choice: found 3; must be "1" or "2"'),
        ({"inner": {"siez": 1}}, "f.toml: inner.siez: unknown key; did you mean size? (known: size, ratio, word)"),
    ],
)  # fmt: skip
def test_message_about_a_wrong_value(table: dict[str, Any], message: str) -> None:
    assert convert_errors(table) == [message]


def test_valid_settings_are_converted() -> None:
    made = convert("f.toml", {"inner": {"size": 3}, "table": {"two": {}}, "either": "x", "wait": "2m"}, Outer)
    assert made == Outer(Inner(3), {"two": Inner()}, "x", Duration(minutes=2), 1)
