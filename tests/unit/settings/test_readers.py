"""Every key of gateway.toml has an effect: some code of the product reads it from the struct that holds it.

The types of expressions are followed (annotations, assignments, attributes), so `x.name` counts for [site] name only if
*x* is a SiteSettings. What checks settings is no reader. SiteInfo and PageLook, which settings are copied into, have
to be read as well, by code or by a template.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import gateway
from gateway.config.types import struct_in
from gateway.protocol_registry import PROTOCOLS
from gateway.settings import SettingsFile

# Keys that nothing reads yet, each with the reason.
UNREAD = {
    "SiteSettings.administrators": "it is checked and handed to Viewers, which will need it when people can sign in",
}
ROOT = Path(gateway.__file__).parent
COPIES = ("SiteInfo", "PageLook")
COLLECTIONS = ("list", "Sequence", "Iterable", "Iterator", "tuple")
ROW_TYPES = {
    row.name: (f"[{row.settings_type.__name__}]" if row.repeated else row.settings_type.__name__) for row in PROTOCOLS
}
STRUCT_NAMES = {"Settings", *(row.settings_type.__name__ for row in PROTOCOLS)}
Env = dict[str, str]


def written_type(node: ast.expr | None) -> str:
    """Return the class that an annotation names, in brackets for a collection or the values of a mapping; else ""."""
    match node:
        case ast.Constant(value=str(text)):
            return written_type(ast.parse(text, mode="eval").body)
        case ast.Name(id=name):
            return name
        case ast.BinOp(left=left, right=right):
            return next((each for each in map(written_type, (left, right)) if each not in ("", "None")), "")
        case ast.Subscript(value=ast.Name(id="Annotated" | "type" as name), slice=ast.Tuple(elts=[first, *_])):
            return written_type(first) if name == "Annotated" else ""
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Tuple(elts=[*_, last])) if name in ("dict", "Mapping"):
            return f"[{written_type(last)}]"
        case ast.Subscript(value=ast.Name(id=name), slice=inner) if name in COLLECTIONS:
            return f"[{written_type(inner.elts[0] if isinstance(inner, ast.Tuple) else inner)}]"
    return ""


class Reads:
    """Collects (class, attribute) for every attribute that the product's code reads."""

    def __init__(self) -> None:
        self.attributes: dict[str, Env] = {}
        self.bases: dict[str, list[str]] = {}
        self.functions: Env = {}
        self.reads: set[tuple[str, str]] = set()
        trees = {path: ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}
        for tree in trees.values():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    self._index_class(node)
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    self.functions.setdefault(node.name, written_type(node.returns))
        for _ in range(2):  # the first time for the attributes that methods set
            self.reads.clear()
            for path, tree in trees.items():
                self._visit_body(path, tree, {})

    def _index_class(self, node: ast.ClassDef) -> None:
        known = self.attributes.setdefault(node.name, {})
        self.bases[node.name] = [written_type(base) for base in node.bases]
        for each in node.body:
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                known[each.target.id] = written_type(each.annotation)
            elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                known[each.name] = written_type(each.returns)

    def _visit_body(self, path: Path, node: ast.AST, env: Env) -> None:
        for each in ast.iter_child_nodes(node):
            self._visit(path, each, env)

    def _visit(self, path: Path, node: ast.AST, env: Env) -> None:
        match node:
            case ast.ClassDef(name=name):
                self._visit_body(path, node, {"self": name})
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                if isinstance(node, ast.Lambda) or not only_checks(path, node.name):
                    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                    typed = {each.arg: written_type(each.annotation) for each in arguments if each.annotation}
                    self._visit_body(path, node, env | typed)
            case ast.Assign(targets=[target], value=value):
                self._visit(path, value, env)
                self._bind(target, value, env)
            case ast.AnnAssign(target=target, value=value, annotation=annotation):
                if value is not None:
                    self._visit(path, value, env)
                self._bind_type(target, written_type(annotation), env)
            case ast.For(target=target, iter=values) | ast.AsyncFor(target=target, iter=values):
                self._bind_elements(target, values, env)
                self._visit_body(path, node, env)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                inner = dict(env)
                for each in node.generators:
                    self._bind_elements(each.target, each.iter, inner)
                self._visit_body(path, node, inner)
            case ast.NamedExpr(target=target, value=value):
                self._visit(path, value, env)
                self._bind(target, value, env)
            case ast.Attribute(value=value, attr=name, ctx=ast.Load()):
                self._note(self.infer(value, env), name)
                self._visit(path, value, env)
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)), *_]):
                if path.name == "protocol_registry.py":  # for the settings of whichever protocol
                    self.reads |= {(kind.strip("[]"), name) for kind in ROW_TYPES.values()}
                self._visit_body(path, node, env)
            case _:
                self._visit_body(path, node, env)

    def _note(self, kind: str, name: str) -> None:
        self.reads.add((kind, name))
        for base in self.bases.get(kind, ()):
            self._note(base, name)

    def _bind(self, target: ast.expr, value: ast.expr, env: Env) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, other in zip(target.elts, value.elts, strict=False):
                self._bind(one, other, env)
        else:
            self._bind_type(target, self.infer(value, env), env)

    def _bind_elements(self, target: ast.expr, values: ast.expr, env: Env) -> None:
        kind = self.infer(values, env)
        match target, values:
            case ast.Tuple(elts=[*_, last]), ast.Call(func=ast.Attribute(attr="items", value=mapping)):
                self._bind_type(last, self.infer(mapping, env)[1:-1], env)
            case ast.Tuple(elts=[_, last]), ast.Call(func=ast.Name(id="enumerate"), args=[listed, *_]):
                self._bind_type(last, self.infer(listed, env)[1:-1], env)
            case _:
                self._bind_type(target, kind[1:-1] if kind.startswith("[") else "", env)

    def _bind_type(self, target: ast.expr, kind: str, env: Env) -> None:
        match target:
            case ast.Name(id=name):
                env[name] = kind
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if kind and "self" in env:
                self.attributes.setdefault(env["self"], {}).setdefault(name, kind)

    def infer(self, node: ast.expr, env: Env) -> str:
        """Return the class of an expression like `written_type`, "" if it is not known."""
        match node:
            case ast.Name(id=name):
                return env.get(name, "")
            case ast.Attribute(value=value, attr=name):
                return self._attribute(self.infer(value, env), name)
            case ast.Call(func=ast.Attribute(attr="protocol"), args=[ast.Constant(value=str(name))]):
                return ROW_TYPES.get(name, "")
            case ast.Call(func=ast.Attribute(value=value, attr="get" | "values" as method)):
                kind = self.infer(value, env)
                return kind[1:-1] if method == "get" else kind
            case ast.Call(func=ast.Attribute(value=value, attr=name)):
                return self._attribute(self.infer(value, env), name)
            case ast.Call(func=ast.Name(id=name)):
                return name if name in self.attributes else self.functions.get(name, "")
            case ast.Subscript(value=value):
                kind = self.infer(value, env)
                return kind[1:-1] if kind.startswith("[") else ""
            case ast.IfExp(body=body, orelse=other):
                return self.infer(body, env) or self.infer(other, env)
            case ast.Await(value=value) | ast.NamedExpr(value=value):
                return self.infer(value, env)
        return ""

    def _attribute(self, kind: str, name: str) -> str:
        if name in self.attributes.get(kind, {}):
            return self.attributes[kind][name]
        return next((found for base in self.bases.get(kind, ()) if (found := self._attribute(base, name))), "")


def only_checks(path: Path, function: str) -> bool:
    """Return whether *function* looks at settings to report problems and not to use them."""
    if path.name == "settings.py":
        return function in ("find_problems", "load_settings") or function.startswith("_")
    return function in ("check", "check_settings", "_forwarding_warnings") or path.parts[-2:] == ("cli", "run.py")


def keys(kind: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    """Yield the struct and the name of every key in *kind* and the structs below it."""
    for field in msgspec.structs.fields(kind):
        inner = struct_in(field.type) or next((each for each in map(struct_in, arguments(field.type)) if each), None)
        if inner is not None:
            yield from keys(inner)
        if kind is not SettingsFile:
            yield kind.__name__, field.name


def arguments(kind: Any) -> tuple[Any, ...]:
    return getattr(kind, "__args__", ())


@pytest.fixture(scope="module")
def reads() -> Reads:
    return Reads()


def test_every_key_is_read(reads: Reads) -> None:
    every = set(keys(SettingsFile))
    assert {"FingerSettings", "WebSettings", "NetworkSettings", "SourceSettings", "LookSettings"} <= {
        kind for kind, _ in every
    }
    assert {f"{kind}.{name}" for kind, name in every - reads.reads} - UNREAD.keys() == set()


def test_what_the_settings_are_copied_into_is_read(reads: Reads) -> None:
    templates = "".join(
        path.read_text() for path in (ROOT.parent / "templates").rglob("*.*") if path.suffix in (".html", ".txt")
    )
    read = reads.reads | {
        (kind, name)
        for kind, variable in (("SiteInfo", "site"), ("PageLook", "look"))
        for name in re.findall(rf"\b{variable}\.(\w+)", templates)
    }
    for kind in COPIES:
        assert {name for name in reads.attributes[kind] if (kind, name) not in read} == set(), kind


def test_what_has_no_reader_has_none(reads: Reads) -> None:
    """An exception ends when the key gets a reader."""
    assert ("Viewers", "_members") in reads.reads
    assert ("Viewers", "_administrators") not in reads.reads
    assert set(UNREAD) <= {f"{kind}.{name}" for kind, name in keys(SettingsFile)}


def test_a_key_without_a_reader_is_noticed(reads: Reads) -> None:
    """Names alone do not count: many classes have a `name`, few are SiteSettings."""
    assert ("SiteSettings", "name") in reads.reads
    assert ("LookSettings", "name") not in reads.reads
