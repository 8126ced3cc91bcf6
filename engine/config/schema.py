"""The JSON Schema of proxy.yaml, generated from the Structs of the Document; and the schema layer of checking.

Only keywords that draft-07 and 2020-12 share, for editors differ; alternatives are told apart by `if`/`then`, never
`oneOf`, because then an error is about the branch that was meant.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec
from msgspec import inspect as mi

from engine.config import shape
from engine.config.document import Document
from engine.config.messages import diagnose, missing_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config.tree import Given, Path, Tree
    from engine.diagnostics import Report

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ENV = r"^env:[A-Za-z_][A-Za-z0-9_]*(:-.*)?$"
VARIABLE: Schema = {
    "type": "string",
    "pattern": ENV,
    "description": "A variable of the environment: env:NAME, or env:NAME:-default",
}


def schema() -> Schema:
    """Return the schema for editors: scalars may also be `env:NAME`, since variables are not filled in yet.

    Raises `TypeError` when an option has no description.
    """
    return generate(Document, variables=True)


def text() -> str:
    """Return the content of schema/proxy.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def validate(tree: Tree, report: Report, *, variables: Mapping[Path, Given] | None = None) -> None:
    """Report every mistake of `tree`. `variables` are the paths whose values the environment gave."""
    errors = sorted(_validator().iter_errors(tree.data), key=lambda error: _way(tuple(error.absolute_path), tree))
    said = (diagnose(error, tree, report, variables or {}) for error in errors)
    found = [diagnostic for some in said for diagnostic in some]
    if "version" not in tree.data:
        found.append(missing_version(tree))
    once = {
        (item.code, item.span, item.help): item for item in reversed(found)
    }  # an alias brings the same mistake again
    report.diagnostics += reversed(once.values())


def _way(path: Path, tree: Tree) -> list[tuple[int, int]]:
    """Return where each step of `path` stands: the validator takes entries of a mapping in no order."""
    spans = (tree.keys.get(path[:end]) or tree.values.get(path[:end]) for end in range(1, len(path) + 1))
    return [(span.line, span.column) for span in spans if span]


@lru_cache(maxsize=1)
def strict() -> Schema:
    """Return the schema of the values once variables are filled in: it accepts exactly what decodes."""
    return generate(Document, variables=False)


@lru_cache(maxsize=1)
def _validator() -> Any:
    return validator(strict())


def validator(of: Schema) -> Any:
    """Return a validator in which 1.0 is no integer, as in msgspec, and .nan is no number."""
    types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
            "number": lambda _, value: (
                isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            ),
        }
    )
    extend: Any = jsonschema.validators.extend  # typeshed leaves it untyped
    return extend(jsonschema.Draft202012Validator, type_checker=types)(of)


def generate(of: type[msgspec.Struct], *, variables: bool) -> Schema:
    """Return the schema of a Struct; with `variables` for values in which they are not filled in yet."""
    definitions: dict[str, Schema] = {"Variable": VARIABLE} if variables else {}
    writer = _Writer(definitions, variables=variables)
    root = writer.struct(mi.type_info(of))
    return {
        "$schema": DIALECT,
        "title": "proxy.yaml of Turnout",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


class _Writer:
    """Writes types as schemas; Structs become definitions, so that `not:` may hold a `when`."""

    def __init__(self, definitions: dict[str, Schema], *, variables: bool) -> None:
        self.definitions = definitions
        self.variables = variables

    def pattern(self, written: str) -> str:
        """Return a pattern of Python's as editors write it (ECMA 262): there `$` is the very end, and `\\Z` nothing."""
        return written.replace(r"\Z", "$") if self.variables else written

    def write(self, kind: mi.Type) -> Schema:
        form = editors_form(kind)
        if self.variables and form is not None:
            return {"type": "string", "pattern": f"{ENV}|{self.pattern(form)}"}
        options = shape.members(kind)
        structs = [option for option in options if isinstance(option, mi.StructType)]
        if structs and structs[0].tag_field:
            return self.tagged(structs)
        if len(options) == 1:
            return self.single(options[0])
        scalar, other = options
        if isinstance(other, mi.StrType | mi.LiteralType):
            scalar, other = other, scalar
        first = "array" if isinstance(scalar, mi.ListType) else "string"
        return {"if": {"type": first}, "then": self.single(scalar), "else": self.single(other)}

    def single(self, kind: mi.Type) -> Schema:
        if isinstance(kind, mi.StructType):
            return self.reference(kind)
        if isinstance(kind, mi.DictType):
            return self.mapping(kind)
        if isinstance(kind, mi.ListType):
            return {"type": "array", "items": self.write(kind.item_type)}
        if isinstance(kind, mi.StrType):
            return self.string(kind)
        if isinstance(kind, mi.AnyType):
            return {}
        return self.scalar(kind)

    def mapping(self, kind: mi.DictType) -> Schema:
        written: Schema = {"type": "object", "additionalProperties": self.write(kind.value_type)}
        (name,) = shape.members(kind.key_type)
        form = editors_form(kind.key_type) if self.variables else None
        if isinstance(name, mi.StrType) and (name.pattern or form):
            written["propertyNames"] = {"pattern": self.pattern(name.pattern or str(form))}
        return written

    def string(self, kind: mi.StrType) -> Schema:
        if not kind.pattern:
            return {"type": "string"}
        if self.variables and not shape.is_secret(kind):
            return {"type": "string", "pattern": f"{ENV}|{self.pattern(kind.pattern)}"}
        return {"type": "string", "pattern": self.pattern(kind.pattern)}

    def scalar(self, kind: mi.Type) -> Schema:
        if isinstance(kind, mi.BoolType):
            written: Schema = {"type": "boolean"}
        elif isinstance(kind, mi.IntType | mi.FloatType):
            limits = {"minimum": kind.ge, "maximum": kind.le}
            word = "integer" if isinstance(kind, mi.IntType) else "number"
            written = {"type": word, **{word: limit for word, limit in limits.items() if limit is not None}}
        elif isinstance(kind, mi.LiteralType):
            words = all(isinstance(value, str) for value in kind.values)
            written = {"type": "string" if words else "integer", "enum": list(kind.values)}
        else:
            raise TypeError(f"the schema knows no {kind}")
        return {"anyOf": [written, {"$ref": "#/$defs/Variable"}]} if self.variables else written

    def tagged(self, structs: list[mi.StructType]) -> Schema:
        """Return a union of Structs told apart by their tag."""
        tag = str(structs[0].tag_field)
        words: Schema = {"enum": [struct.tag for struct in structs]}
        if self.variables:
            words = {"anyOf": [words, {"$ref": "#/$defs/Variable"}]}
        return {
            "type": "object",
            "required": [tag],
            "properties": {tag: {"description": "What it is", **words}},
            "allOf": [
                {
                    "if": {"properties": {tag: {"const": struct.tag}}, "required": [tag]},
                    "then": self.reference(struct),
                }
                for struct in structs
            ],
        }

    def reference(self, kind: mi.StructType) -> Schema:
        name = kind.cls.__name__
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self.struct(kind)
        return {"$ref": f"#/$defs/{name}"}

    def struct(self, kind: mi.Type) -> Schema:
        assert isinstance(kind, mi.StructType)
        properties: dict[str, Schema] = {}
        if kind.tag_field:
            properties[kind.tag_field] = {"const": kind.tag, "description": _summary(kind)}
        for field in kind.fields:
            properties[field.encode_name] = self.option(kind, field)
        written: Schema = {"description": _summary(kind), "type": "object", "properties": properties}
        required = [field.encode_name for field in kind.fields if field.required]
        if required:
            written["required"] = required
        written["additionalProperties"] = False
        return written

    def option(self, kind: mi.StructType, field: mi.Field) -> Schema:
        written = self.write(field.type)
        if "$ref" in written:
            written = {"allOf": [written]}
        described = {"description": describe(kind, field), **{k: v for k, v in written.items() if k != "description"}}
        default = _default(field)
        return described if default in (None, {}) else {**described, "default": default}


def editors_form(kind: mi.Type) -> str | None:
    """Return the pattern of a text whose flaws are told by a check of its own, in better words (`config.flaws`)."""
    if isinstance(kind, mi.Metadata):
        return (kind.extra or {}).get("editors") or editors_form(kind.type)
    if isinstance(kind, mi.UnionType):
        return next((form for part in kind.types if (form := editors_form(part))), None)
    return None


def describe(kind: mi.StructType, field: mi.Field) -> str:
    """Return what an option is for. Raises `TypeError` when its type does not say."""
    meta = field.type
    found = meta.extra_json_schema if isinstance(meta, mi.Metadata) else None
    if not found or not found.get("description"):
        raise TypeError(f"{kind.cls.__name__}.{field.name} has no description")
    return str(found["description"])


def _default(field: mi.Field) -> Any:
    """Return the default as the file would write it; of a Struct nothing, for its own options say theirs."""
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.to_builtins(field.default_factory())
    if field.default is msgspec.NODEFAULT or isinstance(field.default, msgspec.Struct):
        return None
    return msgspec.to_builtins(field.default)


def _summary(kind: mi.StructType) -> str:
    return (kind.cls.__doc__ or kind.cls.__name__).strip().splitlines()[0]
