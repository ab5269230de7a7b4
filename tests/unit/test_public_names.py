"""Every name that users, operators and programs rely on, compared with tests/golden/public_names.txt: settings keys,
access-log keys, metrics, JSON members, exit codes, commands and options, environment variables, templates.

All names are read from the code or from what the code answers; none is typed here. When a name changes on purpose,
rewrite the golden file with `python -m tests.unit.test_public_names` and review its diff.
"""

import ast
import builtins
import difflib
import inspect
import json
import os
import tempfile
import tomllib
import types
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin
from xml.etree import ElementTree

import click
import msgspec
import pytest
from jinja2 import Environment, meta

import gateway
from gateway.cli import cli, import_people
from gateway.cli.explain import make_document as explanation_document
from gateway.conform import report
from gateway.conform.runner import CHECKS
from gateway.conform.session import Result, Verdict
from gateway.directory.explanation import Explanation, FieldExplanation, Reason
from gateway.directory.fields import FIELDS
from gateway.directory.interfaces import Source
from gateway.directory.person import PartialPerson, Visibility
from gateway.directory.privacy import Preset
from gateway.formats import csv_import, people_files, person_json
from gateway.irc.command_handler import CommandHandler
from gateway.irc.command_registry import COMMAND_BY_NAME, COMMANDS, BotRequest
from gateway.ops import access_log, control, metrics, request_tracker
from gateway.rendering.templates import BUILT_IN, TemplateSet
from gateway.settings import SettingsFile
from gateway.store import database
from gateway.twist import Options
from gateway.web.routes import ROUTES
from tests.unit.finger.wire import Client
from tests.unit.fixtures import GatewayHarness, make_dependencies, result_of
from tests.unit.test_presets import ALICE
from tests.unit.web.browser import Browser

CHECKOUT = Path(__file__).parents[2]
GOLDEN = CHECKOUT / "tests" / "golden" / "public_names.txt"
PACKAGE = Path(gateway.__file__).parent
RENEW = "python -m tests.unit.test_public_names"


# types and JSON


def unwrapped(kind: Any) -> Iterator[Any]:
    """Yield the types that a value of *kind* may have, without Annotated, None and unset values."""
    if isinstance(kind, types.UnionType) or get_origin(kind) is Union:
        for each in get_args(kind):
            yield from unwrapped(each)
    elif hasattr(kind, "__metadata__"):
        yield from unwrapped(get_args(kind)[0])
    elif kind not in (types.NoneType, msgspec.UnsetType):
        yield kind


def keys_of_type(kind: Any, path: str) -> Iterator[str]:
    """Yield the dotted keys below *path* in a value of type *kind*, and the words that a key allows."""
    for each in unwrapped(kind):
        origin, inner = get_origin(each), get_args(each)
        if origin is Literal:
            yield from (f"{path} = {word}" for word in inner)
        elif origin in (list, tuple):
            yield from keys_of_type(inner[0], f"{path}[]")
        elif origin is dict:
            yield from keys_of_type(inner[1], f"{path}.*")
        elif isinstance(each, type) and issubclass(each, msgspec.Struct):
            for field in msgspec.structs.fields(each):
                key = f"{path}.{field.encode_name}".removeprefix(".")
                yield key
                yield from keys_of_type(field.type, key)


def members_of_value(value: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted names of the members in *value*, a tree as JSON decodes it."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            member = f"{path}.{key}".removeprefix(".")
            yield member
            yield from members_of_value(each, member)
    elif isinstance(value, list):
        for each in value:
            yield from members_of_value(each, f"{path}[]")


def members_of_schema(schema: Any, components: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the dotted names of the members in a document that *schema*, a JSON Schema, describes."""
    if "$ref" in schema:
        yield from members_of_schema(components[schema["$ref"].rpartition("/")[2]], components, path)
    for each in (*schema.get("anyOf", ()), *schema.get("prefixItems", ())):
        yield from members_of_schema(each, components, path)
    if isinstance(schema.get("items"), Mapping):
        yield from members_of_schema(schema["items"], components, f"{path}[]")
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from members_of_schema(schema["additionalProperties"], components, f"{path}.*".removeprefix("."))
    for name, each in schema.get("properties", {}).items():
        member = f"{path}.{name}".removeprefix(".")
        yield member
        yield from members_of_schema(each, components, member)
    for word in schema.get("enum", ()):
        yield f"{path} = {word}"


# the source text


def modules(folder: Path = PACKAGE) -> Iterator[tuple[Any, ast.Module]]:
    """Yield each module below *folder*, in the package, and its syntax tree."""
    for file in sorted(folder.rglob("*.py")):
        if file.name == "__main__.py":
            continue
        dotted = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        yield import_module(dotted), ast.parse(file.read_text(encoding="utf-8"))


def resolved(node: ast.expr, module: Any) -> Any:
    """Return the object that *node*, a constant or a dotted name, means in *module*; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return getattr(module, node.id, getattr(builtins, node.id, None))
    if isinstance(node, ast.Attribute):
        return getattr(resolved(node.value, module), node.attr, None)
    return None


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


# sections


def settings_keys(_: GatewayHarness) -> Iterator[str]:
    yield from keys_of_type(SettingsFile, "")


def access_log_keys(_: GatewayHarness) -> Iterator[str]:
    yield from keys_of_type(access_log.AccessLogEntry, "")


def access_log_outcomes(_: GatewayHarness) -> Iterator[str]:
    yield from get_args(request_tracker.Outcome)


def access_log_verbs(built: GatewayHarness) -> Iterator[str]:
    """Yield the verbs that the requests of ask_everything were counted under, and those that leave no log line."""
    yield from (f"{protocol} {verb}" for protocol, verb, _ in built.deps.tracker.counts)
    count = request_tracker.RequestTracker.count.__name__
    for _, tree in modules():
        for call in calls(tree):
            named = [each.attr for each in (call.func, *call.args) if isinstance(each, ast.Attribute)]
            words = [each.value for each in call.args[1:] if isinstance(each, ast.Constant)]
            if count in named and words and isinstance(words[0], str):
                yield f"* {words[0]}"


def metric_names(built: GatewayHarness) -> Iterator[str]:
    class Bot:
        name = "network"
        state = (True, True, 0)

    deps = built.deps
    sources = metrics.MetricsSources(
        deps.tracker, deps.admission, deps.tracker._access_log, deps.directory,
        lambda: {"finger": 1}, lambda: [Bot()], lambda: 0,
    )  # fmt: skip
    lag = metrics.ReactorLag(built.clock)
    for family in metrics.MetricsCollector(sources, lag, built.clock).collect():
        assert family.samples, f"no sample shows the labels of {family.name}"
        for sample in family.samples:
            yield f"{sample.name} {family.type} {{{', '.join(sorted(sample.labels))}}}"


def description_of(built: GatewayHarness) -> Any:
    return json.loads(Browser(built).request("/openapi.json").body)


def web_documents(built: GatewayHarness) -> Iterator[str]:
    """Yield the members of each JSON document of the web side, by address; answers that many share stand once."""
    description = description_of(built)
    components = description["components"]

    def members(where: str, response: Mapping[str, Any]) -> Iterator[str]:
        for kind, body in response.get("content", {}).items():
            yield f"{where} {kind}"
            yield from (f"{where} {kind} {each}" for each in members_of_schema(body["schema"], components["schemas"]))

    for name, response in components["responses"].items():
        yield from members(f"response {name}", response)
    for path, item in description["paths"].items():
        for code, response in item["get"]["responses"].items():
            shared = response.get("$ref", "").rpartition("/")[2]
            yield f"{path} {code} {shared}".rstrip()
            yield from members(f"{path} {code}", response)


def markup_names(built: GatewayHarness) -> Iterator[str]:
    """Yield the elements and attributes of the XML documents, and the properties and parameters of a vCard."""
    browser = Browser(built)
    for route in ROUTES:
        for format in route.formats:
            path = route.path.replace("<name>", "alice") + (format.suffix if route.suffixes else "")
            if "vcard" in format.content_type:
                for line in browser.request(path).body.decode().split("\r\n"):
                    if line[:1].isalpha():
                        property, *parameters = line.partition(":")[0].split(";")
                        yield f"vCard {property}"
                        yield from (f"vCard {property};{each.partition('=')[0]}" for each in parameters)
            elif "xml" in format.content_type and "svg" not in format.content_type:
                for element in ElementTree.fromstring(browser.request(path, Accept=format.content_type).body).iter():
                    name = element.tag.rpartition("}")[2]
                    yield f"{route.path} {name}"
                    yield from (f"{route.path} {name} {each}=" for each in element.attrib)


def openapi_names(built: GatewayHarness) -> Iterator[str]:
    description = description_of(built)
    yield from members_of_value({key: each for key, each in description.items() if key not in ("paths", "components")})
    components = description["components"]
    for name in components["responses"]:
        yield f"response {name}"
    for name, schema in components["schemas"].items():
        yield f"schema {name}"
        yield from (f"schema {name}.{member}" for member in schema.get("properties", {}))
    for path, item in description["paths"].items():
        for method, operation in item.items():
            yield f"operation {operation['operationId']} {method} {path}"
            yield from (f"{path} parameter {each['in']} {each['name']}" for each in operation["parameters"])


def routes(_: GatewayHarness) -> Iterator[str]:
    for route in ROUTES:
        yield from route.paths
        yield from (f"{route.path} ?{key}" for key in route.query)
        yield from (f"{route.path} {method}" for method in route.methods)
        yield from (
            f"{route.path} {each.content_type} {each.suffix if route.suffixes else ''}".rstrip()
            for each in route.formats
        )


def person_document(_: GatewayHarness) -> Iterator[str]:
    schema = person_json.person_schema()
    yield from members_of_schema(schema, schema["$defs"])


def people_files_names(_: GatewayHarness) -> Iterator[str]:
    yield from (f"format {kind}" for kind in people_files.KINDS)
    yield from (f"CSV column {name}" for name in csv_import.HEADINGS)


def explanation_json(built: GatewayHarness) -> Iterator[str]:
    """Yield the members of `check --explain --json`, with every reason and each optional member."""
    found = result_of(built.deps.directory.lookup("alice", built.deps.viewers.from_address("web", None)))
    everyone, alice = Visibility.EVERYONE, found.profile
    rows = tuple(FieldExplanation("name", everyone, why, by="plan", wanted=everyone) for why in Reason)
    shown = explanation_document(Explanation(alice, rows))
    yield from members_of_value(shown)
    yield from (f"fields[].why = {row['why']}" for row in shown["fields"])
    yield from (f"fields[].seen_by = {level.name.lower()}" for level in Visibility)
    for own in (True, False):
        row = FieldExplanation("name", everyone, Reason.LIMIT, wanted=everyone, own_limit=own)
        (field,) = explanation_document(Explanation(alice, (row,)))["fields"]
        yield f"fields[].limit = {field['limit']}"


def import_json(_: GatewayHarness) -> Iterator[str]:
    made = import_people.PersonDifference("alice", {"name": "A"}, {"name": "B"})
    yield from (
        name.replace(".name", ".*") for name in members_of_value(json.loads(import_people._to_json([made], True)))
    )


def conformance_json(_: GatewayHarness) -> Iterator[str]:
    results = [Result(id=next(iter(CHECKS)), verdict=verdict, why="") for verdict in get_args(Verdict)]
    yield from members_of_value(json.loads(report.format_json(results, "dir.test", 79)))
    yield from (f"checks[].verdict = {verdict}" for verdict in get_args(Verdict))
    yield from (f"checks[].level = {level}" for level in {check.level for check in CHECKS.values()})
    yield from (f"checks[].id = {check}" for check in CHECKS)


def control_socket(_: GatewayHarness) -> Iterator[str]:
    """Yield each verb of the control socket with the members of its answers: the keys of the dicts in its function."""
    for module, tree in modules():
        functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}
        for call in calls(tree):
            if resolved(call.func, module) is control.ControlSocket:
                (verbs,) = (each for each in call.args if isinstance(each, ast.Dict))
                for verb, function in zip(verbs.keys, verbs.values, strict=True):
                    assert isinstance(verb, ast.Constant)
                    assert isinstance(function, ast.Attribute)
                    yield str(verb.value)
                    yield from (f"{verb.value!s} {key}" for key in dict_keys(functions[function.attr]))
        if module is control:
            yield from (f"* {key}" for key in dict_keys(tree))


def dict_keys(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from (str(each.value) for each in node.keys if isinstance(each, ast.Constant))


def exit_codes(_: GatewayHarness) -> Iterator[str]:
    """Yield the codes that commands and plug-in hand to sys.exit or to an error, click's own, and those of `conform`."""
    for module, tree in (
        *modules(PACKAGE / "cli"),
        *((m, t) for m, t in modules() if m.__name__ == Options.__module__),
    ):
        for call in calls(tree):
            ends = resolved(call.func, module)
            is_error = isinstance(ends, type) and issubclass(ends, BaseException)
            is_super = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call)
            if is_error or is_super or getattr(ends, "__name__", "") == "exit":
                for each in call.args:
                    if isinstance(each, ast.Constant) and isinstance(each.value, int):
                        yield str(each.value)
                    elif isinstance(each, ast.IfExp):
                        yield from (
                            str(n.value)
                            for n in ast.walk(each)
                            if isinstance(n, ast.Constant) and isinstance(n.value, int)
                        )
    yield from (str(error.exit_code) for error in (click.ClickException, click.UsageError))
    for check in CHECKS.values():
        for verdict in get_args(Verdict):
            yield f"conform {report.exit_status([Result(id=check.id, verdict=verdict, why='')])}"


def commands(_: GatewayHarness) -> Iterator[str]:
    """Yield every command with its arguments and options, from click, and the options of the twist plug-in."""

    def walk(command: click.Command, path: str, context: click.Context) -> Iterator[str]:
        yield path
        for each in command.get_params(context):
            if isinstance(each, click.Option):
                metavar = "" if each.is_flag else f" {each.make_metavar(context)}"
                yield f"{path} {' '.join((*each.opts, *each.secondary_opts))}{metavar}"
            else:
                yield f"{path} {each.make_metavar(context)}"
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                assert below is not None
                yield from walk(below, f"{path} {name}", click.Context(below, parent=context, info_name=name))

    yield from walk(cli, "finger-gateway", click.Context(cli, info_name="finger-gateway", **cli.context_settings))
    for option in Options.optParameters:
        yield f"twist finger-gateway --{option[0]} -{option[1]}"
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    yield from (f"script {name}" for name in project["scripts"])


def environment_variables(_: GatewayHarness) -> Iterator[str]:
    """Yield what the code reads from os.environ."""
    for module, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                where, name = node.func.value, node.args[0]
            elif isinstance(node, ast.Subscript):
                where, name = node.value, node.slice
            elif isinstance(node, ast.Compare):
                where, name = node.comparators[0], node.left
            else:
                continue
            if resolved(where, module) is os.environ:
                read = resolved(name, module)
                assert isinstance(read, str), f"{module.__name__}: {ast.unparse(node)}: no constant name"
                yield read


def template_names(_: GatewayHarness) -> Iterator[str]:
    """Yield the templates and what each may use: names that it is given, and filters of our own."""
    templates = TemplateSet()
    for name in templates.names():
        yield name
        for each in meta.find_undeclared_variables(templates.parse(name)) - templates.global_names:
            yield f"{name} {{{{ {each} }}}}"
    own_filters = set(templates._plain.filters) - set(Environment().filters)
    yield from (f"filter {name}" for name in own_filters)
    static = BUILT_IN / "web" / "static"
    yield from (f"static {file.relative_to(static)}" for file in static.rglob("*") if file.is_file())


def shared_template_names(built: GatewayHarness) -> Iterator[str]:
    yield from built.deps.renderer._templates.global_names - set(Environment().globals)


def bot_commands(_: GatewayHarness) -> Iterator[str]:
    yield from (f"{name} ({command.name})" for name, command in COMMAND_BY_NAME.items())
    yield from (f"usage {command.usage}" for command in COMMANDS)


def fields(_: GatewayHarness) -> Iterator[str]:
    yield from FIELDS
    yield from (f"preset {preset}" for preset in get_args(Preset))
    yield from (f"level {level.name.lower()}" for level in Visibility)


def source_interface(_: GatewayHarness) -> Iterator[str]:
    """Yield what an operator's own class of people implements and answers with."""
    for name, function in inspect.getmembers(Source, inspect.isfunction):
        if not name.startswith("_"):
            yield f"{Source.__name__}.{name}({', '.join(list(inspect.signature(function).parameters)[1:])})"
    yield from keys_of_type(PartialPerson, PartialPerson.__name__)


def database_columns(built: GatewayHarness) -> Iterator[str]:
    connection = database.connect(built.database_path, "ro", 5.0)
    try:
        for name, kind in connection.execute("SELECT name, type FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"):
            yield f"{kind} {name}"
            if kind == "table":
                yield from (f"{kind} {name}.{row[1]}" for row in connection.execute(f"PRAGMA table_info({name})"))
    finally:
        connection.close()


SECTIONS: Mapping[str, Callable[[GatewayHarness], Iterator[str]]] = {
    "Settings keys and their words (gateway.toml)": settings_keys,
    "Access-log keys": access_log_keys,
    "Access-log outcomes": access_log_outcomes,
    "Access-log verbs": access_log_verbs,
    "Metrics, type and labels": metric_names,
    "Person document": person_document,
    "People files": people_files_names,
    "Web addresses, methods and formats": routes,
    "Web documents in JSON": web_documents,
    "Web documents in XML and vCard": markup_names,
    "OpenAPI": openapi_names,
    "JSON of check --explain": explanation_json,
    "JSON of people import": import_json,
    "JSON of conform": conformance_json,
    "Control socket, verbs and answers": control_socket,
    "Exit codes": exit_codes,
    "Commands and options": commands,
    "Environment variables": environment_variables,
    "Templates": template_names,
    "Names in every template": shared_template_names,
    "IRC commands": bot_commands,
    "Fields, levels and presets": fields,
    "Interface of a source": source_interface,
    "Tables of people.db": database_columns,
}


# requests


def ask_everything(built: GatewayHarness) -> None:
    """Send each kind of request on every protocol, so that every verb and metric occurs."""
    for line in (b"\r\n", b"alice\r\n", b"nobody\r\n", b"alice@far.test\r\n", b"x" * 2000 + b"\r\n"):
        Client(built).send(line)
    Client(built).half_close()
    browser = Browser(built)
    for route in ROUTES:
        path = route.path.replace("<name>", "alice")
        for query in ("", *(f"?{key}=acct:alice@dir.test" for key in route.query)):
            browser.send_raw(f"GET {path}{query} HTTP/1.1\r\nHost: dir.test\r\n\r\n".encode())
    browser.send_raw(b"GET\r\n\r\n")
    for text in (*COMMAND_BY_NAME, "search tea", "alice"):
        request = BotRequest(
            nick="bo", userhost="bo@host", channel=None, text=text, own_nick="fingerbot", max_line_bytes=400
        )
        result_of(CommandHandler("network", "!", built.deps).answer(request))


def public_names(folder: Path) -> str:
    """Return all names, by section, one a line."""
    built = make_dependencies(folder, people=[ALICE])
    try:
        ask_everything(built)
        lines = []
        for title, names in SECTIONS.items():
            found = sorted(set(names(built)))
            assert found, title
            lines += [f"# {title}", *found, ""]
        return "\n".join(lines)
    finally:
        built.stop()


def test_public_names_are_those_of_the_golden_file(tmp_path: Path) -> None:
    expected, found = GOLDEN.read_text(encoding="utf-8"), public_names(tmp_path)
    name = str(GOLDEN.relative_to(CHECKOUT))
    diff = difflib.unified_diff(expected.splitlines(), found.splitlines(), name, "the code", lineterm="")
    if expected != found:
        pytest.fail("\n".join([*diff, "", f"If each change is meant, run: {RENEW}"]), pytrace=False)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(public_names(Path(folder)), encoding="utf-8")
