"""How mistakes are told, whatever the structs are: shapes that no setting has yet."""

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


def told(table: dict[str, Any]) -> list[str]:
    with pytest.raises(BadSettings) as bad:
        convert("f.toml", table, Outer)
    return str(bad.value).splitlines()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"inner": {"size": 10}}, "f.toml: inner.size: found 10; allowed: a whole number over 0 under 10"),
        ({"inner": {"ratio": 2.0}}, "f.toml: inner.ratio: found 2.0; allowed: a number from 0 to 1"),
        ({"inner": {"word": "X"}}, "f.toml: inner.word: found 'X'; allowed: a string that matches ^[a-z]+$"),
        ({"inner": 5}, "f.toml: inner: found 5; allowed: a table"),
        ({"table": {"one": {"size": 0}}}, "f.toml: table.one.size: found 0; allowed: a whole number over 0 under 10"),
        ({"table": {"onne": {}}}, 'f.toml: table.onne: found \'onne\'; allowed: "one", "two" (did you mean one?)'),
        ({"table": []}, "f.toml: table: found []; allowed: a table"),
        ({"either": []}, "f.toml: either: found []; allowed: a whole number or a string"),
        ({"wait": "x"}, "f.toml: wait: found 'x'; allowed: a length of time such as \"10s\", \"5m\" or \"30d\""),
        ({"choice": 3}, 'f.toml: choice: found 3; allowed: "1", "2"'),
        ({"inner": {"siez": 1}}, "f.toml: inner.siez: found an unknown key; allowed: size, ratio, word (did you mean size?)"),
    ],
)  # fmt: skip
def test_a_mistake_in_words(table: dict[str, Any], message: str) -> None:
    assert told(table) == [message]


def test_what_is_right_is_converted() -> None:
    made = convert("f.toml", {"inner": {"size": 3}, "table": {"two": {}}, "either": "x", "wait": "2m"}, Outer)
    assert made == Outer(Inner(3), {"two": Inner()}, "x", Duration(minutes=2), 1)
