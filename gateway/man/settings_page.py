"""gateway.toml(5), from the types and docstrings of the settings and the comments of the file that `init` writes."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import msgspec

from ..config.loader import default_of
from ..config.locate import SEARCH_PATHS
from ..config.types import Duration, describe_type, struct_in, union_members
from ..rendering.templates import TemplateSet
from ..settings import SettingsFile
from .roff import ManPage

_TABLE = re.compile(r"(?:# )?\[+([a-z_.]+)\]+(?: +# (.+))?")
_KEY = re.compile(r"(# )?([a-z_]+) = (.+?)(?:  +# (.+))?")
_CONTINUED = re.compile(r"# {8,}# (.+)")
_OWN_NAME = re.compile(r"(?:The table )?\[+\w+\]+(?: \w+)?[:.]\s*")  # before the text in the docstring of a table
_OWN_PROTOCOL = (
    'A protocol of your own. *class* names the class of its plugin, e.g. "my_protocols:Whois", in a module in the folder of '
    "gateway.toml or on Python's path. The class says which other keys the table has."
)


@dataclass(frozen=True)
class TemplateComment:
    """What the file that `init` writes says of a key: its comment, and the value if the line is commented out."""

    text: str
    example: str


def settings_page() -> str:
    """Return the page."""
    template = TemplateSet().render("gateway.toml", host="dir.example.org")
    comments = read_comments(template)
    page = ManPage("gateway.toml", 5, "settings of finger-gateway")
    page.add_section("DESCRIPTION")
    here, system = SEARCH_PATHS
    page.add_paragraph(
        "finger-gateway(1) reads the file named by `-c`, else by the environment variable `FINGER_GATEWAY_CONFIG`, else "
        f"`{here}` in the working directory, else `{system}`. It is TOML. Paths are relative to its folder. A protocol runs if "
        "its table is there, even an empty one."
    )
    page.add_paragraph(
        "`finger-gateway init` writes a commented file, `finger-gateway check` reports every error in one, "
        "`finger-gateway reload` applies it without closing a connection, and `finger-gateway schema settings` prints its "
        "JSON Schema."
    )
    page.add_section("TABLES")
    for heading, struct in tables(SettingsFile):
        page.add_subsection(heading)
        if struct is None:
            page.add_paragraph(_OWN_PROTOCOL)
            continue
        page.add_paragraph(_describe_table(struct))
        for field in msgspec.structs.fields(struct):
            if struct_in(field.type) is None:
                key = f"{heading.strip('[]')}.{field.encode_name}"
                page.add_item(field.encode_name, _describe_key(field, comments.get(key, TemplateComment("", ""))))
    page.add_section("EXAMPLE")
    page.add_literal(_without_comments(template))
    page.add_section("FILES")
    page.add_item(", ".join(map(str, SEARCH_PATHS)), "The settings; the first that exists is used.")
    page.add_section("SEE ALSO")
    page.add_paragraph("finger-gateway(1), systemd.socket(5)")
    return page.render()


def tables(kind: type[msgspec.Struct], above: str = "") -> Iterator[tuple[str, type[msgspec.Struct] | None]]:
    """Yield the heading and the struct of each table in a *kind*. None: the keys are those of an operator's class."""
    for field in msgspec.structs.fields(kind):
        name = f"{above}{field.encode_name}"
        (of_value,) = union_members(field.type)
        inner = get_args(of_value)
        if struct := struct_in(of_value):
            yield f"[{name}]", struct
            yield from tables(struct, f"{name}.")
        elif get_origin(of_value) is list and (struct := struct_in(inner[0])):
            yield f"[[{name}]]", struct
        elif get_origin(of_value) is dict and (struct := struct_in(inner[1])):
            yield f"[{name}.NAME]", struct
        elif get_origin(of_value) is dict and not above:
            yield f"[{name}.NAME]", None


def read_comments(template: str) -> dict[str, TemplateComment]:
    """Return the comments of *template* by key, as "finger.listen"; those of its tables as "privacy.default"."""
    comments: dict[str, TemplateComment] = {}
    table = key = ""
    for line in template.splitlines():
        if match := _TABLE.fullmatch(line):
            key = table = re.sub(r"(?<=sources)\..*", ".NAME", match[1])
            comments.setdefault(key, TemplateComment(match[2] or "", ""))
        elif table and (match := _KEY.fullmatch(line)):
            key = f"{table}.{match[2]}"
            comments[key] = TemplateComment(match[4] or "", match[3] if match[1] else "")
        elif key and (match := _CONTINUED.fullmatch(line)):
            comments[key] = TemplateComment(f"{comments[key].text} {match[1]}", comments[key].example)
    return comments


def _describe_table(struct: type[msgspec.Struct]) -> str:
    text = _OWN_NAME.sub("", struct.__doc__ or "", count=1)
    return text[:1].upper() + text[1:]


def _describe_key(field: msgspec.structs.FieldInfo, comment: TemplateComment) -> str:
    kind = describe_type(field.type)
    if get_origin(field.type) is dict and get_origin(level := get_args(field.type)[1]) is Literal:
        kind = f"{kind} of fields, each {describe_type(level)}"
    text = "" if comment.text.startswith("or ") else comment.text  # other values, which the type lists
    sentences = [text, kind, "required" if field.required else _describe_default(default_of(field))]
    if comment.example and "e.g." not in kind and _parse(comment.example) != default_of(field):
        sentences.append(f"example: `{comment.example}`")
    return ". ".join(each[0].upper() + each[1:].rstrip(".") for each in sentences if each) + "."


def _describe_default(value: Any) -> str:
    if isinstance(value, Duration):
        return f'default: `"{value.total_seconds():g}s"`'
    return f"default: `{json.dumps(value)}`" if value or value is False else ""


def _parse(value: str) -> Any:
    return tomllib.loads(f"value = {value}")["value"]


def _without_comments(template: str) -> list[str]:
    """Return the lines that are not commented out, without their comments and without tables that are empty then."""
    blocks = [
        [re.sub(r"  +# .*", "", line) for line in block.splitlines() if not line.startswith("#")]
        for block in template.split("\n\n")
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block).splitlines()
