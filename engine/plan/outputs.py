"""`output`: JSON Schemas read and looked at when the file is read, so that no answer stumbles over one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.config.sections.steps import Output as Declared
from engine.diagnostics import Label, Span
from engine.plan.layers import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.config.beside import Named, Path
    from engine.diagnostics import Report

LONGEST = 200
"""Characters of one mistake: it may quote the value."""


def compile_outputs(named: dict[Path, Named], report: Report) -> dict[Path, Output]:
    """Return path of the step -> its schema. What is wrong is in the report, at its line."""
    found = {path: _compiled(one, report) for path, one in named.items() if isinstance(one.declared, Declared)}
    return {path: output for path, output in found.items() if output is not None}


def _compiled(named: Named, report: Report) -> Output | None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    declared = named.declared
    assert isinstance(declared, Declared)
    labels = (Label(named.span, "it is named here"),) if named.span is not None and named.file else ()
    schema: Any = declared.schema
    if named.file:
        try:
            schema = json.loads(named.text)
        except json.JSONDecodeError as error:
            at = Span(named.file, error.lineno, error.colno, error.colno + 1)
            report.error("bad-schema", f"it is not JSON: {error.msg}", at, help="name a JSON Schema", labels=labels)
            return None
    at_all = Span(named.file, 1, 1, 2) if named.file else named.span
    if not isinstance(schema, dict):
        report.error(
            "bad-schema", "a schema is an object", at_all, help='write one, as in {"type": "object"}', labels=labels
        )
        return None
    away = next((ref for ref in _references(schema) if not ref.startswith("#")), None)
    if away is not None:
        told = f"the schema refers to `{away}`, which is not in it"
        report.error("bad-schema", told, at_all, help="put it into `$defs`: nothing is fetched", labels=labels)
        return None
    try:
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema)
        list(validator.iter_errors({}))  # finds those that go round in circles
        _follow(schema)
    except SchemaError as error:
        told = f"it is no JSON Schema: `{error.json_path}`: {error.message}"[:LONGEST]
        report.error("bad-schema", told, at_all, help="JSON Schema, draft 2020-12", labels=labels)
        return None
    except Exception as error:  # of `referencing`, which has no one base
        told = f"a reference in it leads nowhere: {error}"[:LONGEST]
        report.error("bad-schema", told, at_all, help="references begin with #/$defs/", labels=labels)
        return None
    return Output(name=named.name, span=named.span, schema=schema, retries=declared.retries, flaws=_flaws(validator))


def _flaws(validator: Any) -> Callable[[Any], list[str]]:
    def flaws(value: Any) -> list[str]:
        """Return where `value` does not satisfy the schema: `$.total: -1 is less than the minimum of 0`."""
        try:
            return [f"{error.json_path}: {error.message}"[:LONGEST] for error in validator.iter_errors(value)]
        except RecursionError:
            return ["it is nested too deeply"]

    return flaws


def _follow(schema: dict[str, Any]) -> None:
    """Follow every reference. Raises what `referencing` raises where one leads nowhere."""
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    whole = DRAFT202012.create_resource(schema)
    registry: Registry[Any] = Registry()
    left = [(whole, registry.resolver_with_root(whole))]
    while left:
        resource, resolver = left.pop()
        for name in ("$ref", "$dynamicRef"):
            if isinstance(resource.contents, dict) and name in resource.contents:
                resolver.lookup(resource.contents[name])
        left += [(one, resolver.in_subresource(one)) for one in resource.subresources()]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("$ref", "$dynamicRef") and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
