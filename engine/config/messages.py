"""What is said about a mistake: a table (keyword, place) -> our own sentence, never the validator's text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from engine.config import hints, pasted, scalars
from engine.config.places import NOUNS, dotted, what
from engine.config.sections.server import MODULE
from engine.config.sections.steps import PREFIX
from engine.diagnostics import Diagnostic
from engine.diagnostics.mask import mask
from engine.store.url import REDIS_URL
from engine.units import DURATION, SIZE
from engine.upstreams.base import HTTP, SECRET
from engine.upstreams.langchain import CODE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema import ValidationError

    from engine.config.tree import Given, Path, Tree
    from engine.diagnostics import Report, Span


class Sentence(NamedTuple):
    """`{what}` is the place in words, `{found}` the value, `{choices}` what an enumeration allows."""

    code: str
    message: str
    help: str | None = None


SENTENCES: dict[tuple[str, str], Sentence] = {
    # by what the value is to be
    ("type", "boolean"): Sentence("wrong-type", "{what} must be true or false, not {found}", "write true or false"),
    ("type", "integer"): Sentence(
        "wrong-type", "{what} must be a whole number, not {found}", "write a number such as 2, without quotes"
    ),
    ("type", "number"): Sentence(
        "wrong-type", "{what} must be a number, not {found}", "write a number such as 0.25, without quotes or a sign"
    ),
    ("type", "string"): Sentence(
        "wrong-type",
        "{what} must be text, not {found}",
        "write one value, in quotes where it could be read as another kind",
    ),
    ("type", "array"): Sentence(
        "wrong-type", "{what} must be a list, not {found}", "write `[a, b]`, or a line with a dash for each"
    ),
    ("type", "object"): Sentence(
        "wrong-type", "{what} must be a mapping, not {found}", "write `{{key: value}}`, or a line for each key"
    ),
    ("type", DURATION): Sentence(
        "needs-unit", "{what} is a duration and needs a unit", "write 250ms, 5s, 20m, 1h or 1d"
    ),
    ("pattern", DURATION): Sentence("needs-unit", "{what} is no duration: {found}", "write 250ms, 5s, 20m, 1h or 1d"),
    ("type", SIZE): Sentence("needs-unit", "{what} is a size and needs a unit", "write 64KB, 32MB or 1GB"),
    ("pattern", SIZE): Sentence("needs-unit", "{what} is no size: {found}", "write 64KB, 32MB or 1GB"),
    ("pattern", HTTP): Sentence("wrong-value", "{what} is no URL: {found}", "it begins with http:// or https://"),
    ("pattern", CODE): Sentence(
        "wrong-value", "{what} is no path of code: {found}", "write pkg.module:name, as in my_team.models:Support"
    ),
    ("pattern", MODULE): Sentence(
        "wrong-value",
        "{what} names no module: {found}",
        "write pkg.module for one module, or pkg.* for a package and all in it",
    ),
    ("pattern", PREFIX): Sentence(
        "wrong-value", "{what} cannot be {found}", "write letters, digits, `_` and `-`, 32 at most, as in `github_`"
    ),
    ("pattern", ""): Sentence("wrong-value", "{what} cannot be {found}"),
    ("enum", ""): Sentence("wrong-value", "{what} cannot be {found}", "it is one of {choices}"),
    ("minimum", ""): Sentence("out-of-range", "{what} is too small: {found}", "the least is {limit}"),
    ("maximum", ""): Sentence("out-of-range", "{what} is too large: {found}", "the most is {limit}"),
    ("required", ""): Sentence("missing-key", "{what} has no `{missing}`", "add `{missing}:`"),
    # by place
    ("enum", "version"): Sentence(
        "unknown-version", "this Turnout reads version 1 of the file, not {found}", "write `version: 1`"
    ),
    ("enum", "upstreams.*.kind"): Sentence("unknown-kind", "{what} cannot be {found}", "the kinds are {choices}"),
    ("required", "upstreams.*"): Sentence("missing-key", "{what} has no `{missing}`", "add `kind:` and one of {kinds}"),
    ("required", "models.*"): Sentence(
        "missing-key", "{what} has no `{missing}`", "add `targets: [upstream/model]`, tried in that order"
    ),
    ("required", "routes.*"): Sentence(
        "missing-key", "{what} has no `{missing}`", "add `name:`; explain, logs and headers use it"
    ),
    ("required", "bases.*"): Sentence("missing-key", "{what} has no `{missing}`", "add `prefix: /team-a`"),
    ("required", "models.*.targets.*"): Sentence(
        "missing-key", "{what} has no `{missing}`", "write `to: upstream/model`"
    ),
    ("type", "upstreams"): Sentence(
        "wrong-type",
        "`upstreams` must be a mapping, not {found}",
        "write `name: {{kind: openai, api_key: env:NAME}}` under it",
    ),
    ("type", "upstreams.*"): Sentence(
        "wrong-type", "{what} must be a mapping, not {found}", "write `{{kind: openai, api_key: env:NAME}}`"
    ),
    ("type", "models"): Sentence(
        "wrong-type", "`models` must be a mapping, not {found}", "write `name: upstream/model` under it, without dashes"
    ),
    ("type", "models.*"): Sentence(
        "wrong-type",
        "{what} must be a target or a mapping, not {found}",
        "write `upstream/model`, or `{{targets: [upstream/model]}}`",
    ),
    ("type", "routes"): Sentence(
        "wrong-type", "`routes` must be a list, not {found}", "order decides, so each begins with a dash: `- name: ...`"
    ),
    ("type", "routes.*"): Sentence(
        "wrong-type", "{what} must be a mapping, not {found}", "write `- {{name: ..., when: {{...}}, to: ...}}`"
    ),
    ("type", "models.*.targets.*"): Sentence(
        "wrong-type",
        "{what} must be text or a mapping, not {found}",
        "write `upstream/model`, or `{{to: ..., weight: 3}}`",
    ),
    ("type", "routes.*.to"): Sentence(
        "wrong-type",
        "{what} must be text, not {found}",
        "name one entry of `models`; its `fallback` says what comes after",
    ),
    ("type", "routes.*.when"): Sentence(
        "wrong-type",
        "{what} must be a mapping of conditions, not {found}",
        "write `when: {{model: fast}}` or `when: {{stream: true}}`",
    ),
    ("type", "routes.*.deny"): Sentence(
        "wrong-type", "{what} must be a mapping, not {found}", "write `deny: {{status: 403, message: ...}}`"
    ),
    ("type", "limits"): Sentence(
        "wrong-type",
        "`limits` must be a mapping, not {found}",
        "write `name: {{requests: 60 per 1m, by: [key]}}` under it; elsewhere `limits` is a list of such names",
    ),
    ("type", "limits.*"): Sentence(
        "wrong-type", "{what} must be a mapping, not {found}", "write `{{requests: 60 per 1m, by: [key]}}`"
    ),
    ("type", "limits.*.requests"): Sentence("wrong-type", "{what} must be a rate, not {found}", "write 60 per 1m"),
    ("type", "limits.*.tokens"): Sentence("wrong-type", "{what} must be a rate, not {found}", "write 100000 per 1m"),
    ("type", "limits.*.budget"): Sentence("wrong-type", "{what} is money, not {found}", "write 20 USD per day"),
    ("required", "limits.*"): Sentence(
        "missing-key",
        "{what} has no `{missing}`",
        "say whose requests count together: `by: [key]`, `by: [ip]`, or `by: [all]` for one counter",
    ),
    ("type", "keys"): Sentence(
        "wrong-type",
        "`keys` must be a mapping, not {found}",
        "write `anonymous: {{}}` or `name: {{hashes: [...]}}` under it",
    ),
    ("type", "keys.*"): Sentence(
        "wrong-type",
        "{what} must be a mapping, not {found}",
        "write `{{hashes: [...]}}`; `turnout key new` makes a key and its digest",
    ),
    ("pattern", "server.listen"): Sentence(
        "wrong-value",
        "`server.listen` cannot be {found}",
        "write host:port, as in 127.0.0.1:4000 or [::1]:4000, or unix:/path",
    ),
    ("pattern", "state.prefix"): Sentence(
        "wrong-value", "{what} cannot be {found}", "write letters, digits and `_.:-`, 64 at most; the braces are ours"
    ),
    ("enum", "upstreams.*.circuit"): Sentence(
        "wrong-value", "{what} cannot be {found}", "write `off`, or `{{failures: 5, cooldown: 10s}}`"
    ),
    ("pattern", "upstreams.*.env.*"): Sentence(
        "wrong-value", "{what} is no name of a variable: {found}", "write the name alone; its value never stands here"
    ),
    ("pattern", "upstreams.*.command"): Sentence(
        "wrong-value", "{what} names no program", "write a name or a path, or leave it out"
    ),
    ("pattern", "bases.*.prefix"): Sentence(
        "wrong-value", "{what} cannot be {found}", "write it as /team-a: a slash first, none at the end"
    ),
    ("pattern", "keys.*.hashes.*"): Sentence(
        "wrong-value", "{what} is no digest", "`turnout key hash` prints one: sha256: and 64 hexadecimal digits"
    ),
    ("pattern", "keys.*.expires"): Sentence("wrong-value", "{what} is no day: {found}", "write it as 2027-01-31"),
    ("pattern", "routes.*.name"): Sentence(
        "bad-name",
        "a route cannot be named {found}",
        "a name has letters, digits, `.`, `_`, `-` and begins with a letter or digit",
    ),
}

CONTAINERS = ("array", "object")


def diagnose(
    error: ValidationError, tree: Tree, report: Report, variables: Mapping[Path, Given]
) -> Iterator[Diagnostic]:
    """Yield what to say about one error of the validator. A pasted secret goes into `report.secrets`."""
    path: Path = tuple(error.absolute_path)
    schema = _schema(error)
    instance: Any = error.instance
    if path[:1] == ("keys",):
        pasted.client_key(path, instance, schema.get("properties", {}), tree, report)
    if error.validator == "additionalProperties":
        yield from _unknown_keys(instance, schema["properties"], path, tree)
    elif error.validator == "pattern" and "propertyNames" in error.absolute_schema_path:
        yield _bad_name(str(error.instance), path, tree)
    elif schema.get("pattern") == SECRET:
        yield pasted.secret(path, error.instance, tree, report)
    elif error.validator == "pattern" and schema.get("pattern") == REDIS_URL:
        yield pasted.address(path, str(error.instance), tree, report)
    elif error.validator == "required":
        yield from _missing(error, path, tree)
    elif error.validator == "type" and "enum" in schema and instance not in schema["enum"]:
        return  # the enumeration says it better
    elif (
        error.validator in ("minimum", "maximum") and schema.get("type") == "integer" and not isinstance(instance, int)
    ):
        return  # its type is wrong, which is said
    else:
        yield _wrong(error, schema, path, tree, report, variables.get(path))


def missing_version(tree: Tree) -> Diagnostic:
    return Diagnostic(
        code="missing-version",
        message="the file does not say its version",
        span=tree.value(),
        help="write `version: 1` on the first line",
    )


def _wrong(
    error: ValidationError, schema: dict[str, Any], path: Path, tree: Tree, report: Report, variable: Given | None
) -> Diagnostic:
    """Return the sentence about a value of the wrong type, form or size."""
    keyword = "enum" if "enum" in schema else str(error.validator)  # version 1.0 is equal to 1, and is not 1
    expected = str(schema.get("pattern") or "")
    kind = str(error.validator_value) if keyword == "type" else ""
    here = dotted(path)
    formed = ("pattern", here) if expected else ("", "")
    keys = ((keyword, here), formed, (keyword, expected), (keyword, kind), (keyword, ""))
    sentence = next(SENTENCES[key] for key in keys if key in SENTENCES)
    choices = [str(choice) for choice in schema.get("enum", ())]
    words = {
        "what": what(path, tree),
        "found": variable.value if variable else found(error.instance, tree.value(*path), report),
        "choices": ", ".join(choices),
        "limit": error.validator_value,
    }
    help_ = sentence.help.format(**words) if sentence.help else None
    if variable:
        help_ = f"{variable.change}: {help_}"
    elif fix := hints.fix(error.instance, here, expected, kind, choices):
        help_ = f"did you mean `{fix}`?" + (f" {help_}" if choices else "")
    span = tree.value(*path)
    if isinstance(error.instance, dict | list) and path and isinstance(path[-1], str):
        span = tree.key(*path)
    return Diagnostic(code=sentence.code, message=sentence.message.format(**words), span=span, help=help_)


def _unknown_keys(instance: dict[str, Any], known: dict[str, Any], path: Path, tree: Tree) -> Iterator[Diagnostic]:
    for name in instance:
        if name not in known:
            free = [option for option in known if option not in instance]
            yield _unknown_key(name, hints.option(name, free, list(known), path), path, tree)


def _unknown_key(name: str, help_: str, path: Path, tree: Tree) -> Diagnostic:
    where = f"unknown key `{name}` in {what(path, tree)}" if path else f"unknown section `{name}`"
    return Diagnostic(code="unknown-key", message=where, span=tree.key(*path, name), help=help_)


def _missing(error: ValidationError, path: Path, tree: Tree) -> Iterator[Diagnostic]:
    """Say what is missing; a misspelt key that is it is named instead."""
    schema = _schema(error)
    known = schema["properties"]
    instance: Any = error.instance
    kinds = ", ".join(known.get("kind", {}).get("enum", ()))
    sentence = SENTENCES.get(("required", dotted(path))) or SENTENCES[("required", "")]
    for missing in schema["required"]:
        if missing in instance:
            continue
        misspelt = next((name for name in instance if name not in known and hints.similar(name, [missing])), None)
        if misspelt and "additionalProperties" in schema:
            continue  # it is reported as an unknown key
        if misspelt:
            yield _unknown_key(misspelt, f"did you mean `{missing}`?", path, tree)
            continue
        words = {"what": what(path, tree), "missing": missing, "kinds": kinds}
        yield Diagnostic(
            code=sentence.code,
            message=sentence.message.format(**words),
            span=tree.key(*path),
            help=sentence.help.format(**words) if sentence.help else None,
        )


def _schema(error: ValidationError) -> dict[str, Any]:
    return error.schema if isinstance(error.schema, dict) else {}


def _bad_name(name: str, path: Path, tree: Tree) -> Diagnostic:
    help_ = "a name has letters, digits, `.`, `_`, `-` and begins with a letter or digit"
    if "/" in name and path == ("upstreams",):
        help_ = "the slash stands between upstream and model: upstream/model"
    message = f"`{name}` cannot be the name of {_article(NOUNS.get(str(path[-1]), 'entry'))}"
    return Diagnostic(code="bad-name", message=message, span=tree.key(*path, name), help=help_)


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def found(value: Any, span: Span | None, report: Report) -> str:
    """Return a value as a sentence names it: a number as it is written, long text cut after it is masked."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    shown = str(value).lower() if isinstance(value, bool) else mask(str(value), report.secrets)
    if isinstance(value, int | float) and not isinstance(value, bool):
        shown = report.source(span) or shown
    if isinstance(value, str) and not isinstance(scalars.plain(value), str):
        shown = f'"{value}"'  # else it looks like what it should be
    return f"`{shown[:40]}…`" if len(shown) > 40 else f"`{shown}`" if shown else "empty"
