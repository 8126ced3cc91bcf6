"""The JSON Schema: fresh, described, for every editor; and it accepts exactly what decodes."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Meta
from msgspec import inspect as mi

from engine.config import schema, shape
from engine.config.document import Document
from engine.config.flaws import flaws
from engine.config.load import load
from engine.config.sections.base import Section
from engine.config.tree import Tree

ROOT = Path(__file__).parent.parent.parent
WRITTEN = ROOT / "schema" / "proxy.schema.json"

COMMON = {
    "$schema", "$ref", "$defs", "title", "description", "default", "type", "enum", "const", "pattern", "minimum",
    "maximum", "properties", "required", "additionalProperties", "propertyNames", "items", "if", "then", "else",
    "allOf", "anyOf",
}  # fmt: skip
"""Keywords that mean the same in draft-07 and 2020-12 (`$defs` is only pointed into)."""


def every(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema inside a schema."""
    yield part
    for word, value in part.items():
        if word in {"properties", "$defs"}:
            for inner in value.values():
                yield from every(inner)
        elif isinstance(value, dict) and word != "default":
            yield from every(value)
        elif word in {"allOf", "anyOf"}:
            for inner in value:
                yield from every(inner)


def test_the_file_is_fresh() -> None:
    assert WRITTEN.read_text(encoding="utf-8") == schema.text(), "run: turnout schema --write"


def test_it_is_a_schema_of_both_drafts_and_uses_what_they_share() -> None:
    written = schema.schema()
    jsonschema.Draft202012Validator.check_schema(written)
    jsonschema.Draft7Validator.check_schema(written)
    assert {word for part in every(written) for word in part} <= COMMON
    assert "required" not in written, "included files are checked by it too"


def test_every_option_is_described() -> None:
    options = [(name, option) for part in every(schema.schema()) for name, option in part.get("properties", {}).items()]
    assert len(options) > 80
    # inside `if`, a property is a condition and not an option
    assert [name for name, option in options if not option.get("description") and set(option) != {"const"}] == []


def test_an_option_without_description_stops_generation() -> None:
    class Mute(Section, frozen=True, kw_only=True):
        """A section."""

        said: Annotated[int, Meta(description="something")] = 1
        silent: int = 1

    with pytest.raises(TypeError, match=r"Mute\.silent has no description"):
        schema.generate(Mute, variables=False)


def test_defaults_are_those_of_the_structs() -> None:
    definitions = schema.schema()["$defs"]
    assert definitions["Server"]["properties"]["listen"]["default"] == "127.0.0.1:4000"
    assert definitions["Timeouts"]["properties"]["total"]["default"] == "20m"
    assert definitions["ModelDefaults"]["properties"]["fallback_on"]["default"][:2] == ["connect", "tls"]
    for part in every(schema.strict()):
        for option in part.get("properties", {}).values():
            if "default" in option:
                inner = {**option, "$defs": schema.strict()["$defs"]}
                assert schema.validator(inner).is_valid(option["default"]), option


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("server", "drain"), "env:DRAIN:-5s"),
        (("server", "cors", "credentials"), "env:CREDENTIALS"),
        (("server", "answer_model"), "env:ANSWER"),
        (("defaults", "model", "retries"), "env:N:-3"),
        (("upstreams", "a", "enabled"), "env:ON"),
        (("upstreams", "a", "kind"), "env:KIND:-echo"),
        (("upstreams", "a", "api_key"), "env:KEY"),
        (("upstreams", "a", "base_url"), "env:URL:-http://127.0.0.1:1"),
    ],
)
def test_editors_accept_variables_where_a_scalar_stands(path: tuple[str, ...], value: str) -> None:
    data: dict[str, Any] = {"version": 1, "upstreams": {"a": {"kind": "openai"}}}
    into = data
    for step in path[:-1]:
        into = into.setdefault(step, {})
    into[path[-1]] = value
    assert list(schema.validator(schema.schema()).iter_errors(data)) == []
    into[path[-1]] = "env:NO-NAME" if path[-1] != "api_key" else "sk-pasted"
    assert list(schema.validator(schema.schema()).iter_errors(data)) != []


@pytest.mark.parametrize(
    "entry",
    [
        {"set": {"model": "x"}},
        {"set": {"model.x": "x"}},
        {"set": {"messages": []}},
        {"set": {"": 1}},
        {"set": {"a..b": 1}},
        {"set": {"a*": 1}},
        {"unset": ["model"]},
        {"unset": ["stream"]},
        {"unset": ["meta*"]},
        {"unset": [" a"]},
        {"unset": [""]},
        {"strip": ["foo bar"]},
        {"strip": ["a: b"]},
        {"strip": [""]},
        {"like": ""},
        {"like": "gpt-*"},
        {"like": " gpt-5"},
    ],
    ids=str,
)
def test_editors_mark_what_a_check_refuses(entry: dict[str, Any]) -> None:
    data = {"version": 1, "models": {"a": {"targets": ["a/b"], **entry}}}
    assert list(schema.validator(schema.schema()).iter_errors(data)) != []
    assert list(schema.validator(schema.strict()).iter_errors(data)) == [], "its own check says it in better words"
    assert [found.code for found in load("proxy.yaml", {}, text=json.dumps(data)).report.errors] == ["wrong-value"]


@pytest.mark.parametrize(
    "entry",
    [
        {"set": {"a": 1, "a.b.c-d_e": 2, "extra body.x": 3, "models": 4, "thinking.model": 5, "é": 6}},
        {"unset": ["thinking.type", "env:NAME", "streams"]},
        {"strip": ["x-*", "Anthropic-Beta", "env:NAME"]},
        {"like": "claude-sonnet-4-5"},
        {"like": "env:NAME:-gpt-5.5"},
        {"like": "Meta Llama 4"},
    ],
    ids=str,
)
def test_editors_mark_nothing_else(entry: dict[str, Any]) -> None:
    data = {"version": 1, "models": {"a": {"targets": ["a/b"], **entry}}}
    assert list(schema.validator(schema.schema()).iter_errors(data)) == []


# what the schema accepts decodes, and the other way round -----------------------------------------------------------

WORDS = st.sampled_from(["a", "openai/x", "*", "env:X", "file:/x", "5s", "1MB", "chat", "openai", "", "http://x", "/a"])
JUNK = st.recursive(
    WORDS | st.booleans() | st.integers(-2, 700) | st.floats(allow_nan=False) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=4,
)


def like(kind: mi.Type, depth: int = 0) -> st.SearchStrategy[Any]:
    """Return values of the type `kind`, nearly always right."""
    right = st.one_of([_like(option, depth) for option in shape.members(kind)])
    return st.integers(0, 30).flatmap(lambda roll: JUNK if roll == 0 else right)


def _like(kind: mi.Type, depth: int) -> st.SearchStrategy[Any]:
    if isinstance(kind, mi.StructType):
        required = {field.encode_name: like(field.type, depth + 1) for field in kind.fields if field.required}
        if kind.tag_field:
            required[kind.tag_field] = st.just(kind.tag)
        if depth > 4:
            return st.fixed_dictionaries(required)
        optional = {field.encode_name: st.deferred(lambda f=field: like(f.type, depth + 1)) for field in kind.fields}
        return st.fixed_dictionaries(required, optional={k: v for k, v in optional.items() if k not in required})
    if isinstance(kind, mi.DictType):
        return st.dictionaries(
            like(kind.key_type, depth).filter(lambda key: isinstance(key, str)),
            like(kind.value_type, depth + 1),
            max_size=2,
        )
    if isinstance(kind, mi.ListType):
        return st.lists(like(kind.item_type, depth + 1), max_size=2)
    if isinstance(kind, mi.LiteralType):
        return st.sampled_from(kind.values)
    if isinstance(kind, mi.BoolType):
        return st.booleans()
    if isinstance(kind, mi.IntType):
        return st.integers(kind.ge if kind.ge is not None else -5, kind.le)
    if isinstance(kind, mi.FloatType):
        return st.floats(kind.ge, kind.le) | st.sampled_from((math.nan, math.inf, 0, 1))
    if isinstance(kind, mi.AnyType):
        return JUNK
    assert isinstance(kind, mi.StrType)
    return st.from_regex(kind.pattern) if kind.pattern else st.text(max_size=5) | WORDS


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
@given(like(shape.root()))
def test_what_the_schema_accepts_decodes_and_the_other_way_round(data: Any) -> None:
    accepted = schema.validator(schema.strict()).is_valid(data)
    try:
        msgspec.convert(data, Document)
        decodes = True
    except msgspec.ValidationError:
        decodes = False
    assert accepted == decodes
    if accepted and not list(flaws(Tree(data=data, keys={}, values={}), {}, set())):
        assert schema.validator(schema.schema()).is_valid(data), "the editors' schema accepts at least as much"


TOY = '''
import engine.upstreams
from typing import Annotated
from msgspec import Meta
from engine.upstreams.base import Options, SecretRef

class Toy(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="toy"):
    """A kind that a test adds."""
    password: Annotated[SecretRef | None, Meta(description="How it signs in")] = None
    wheels: Annotated[int, Meta(ge=1, description="How many it has")] = 4

engine.upstreams.KINDS = (*engine.upstreams.KINDS, Toy)

import json, sys
from engine.config import schema
from engine.config.load import load
from engine.config.secrets import resolve

def say(text):
    loaded = load("proxy.yaml", {"TOY": "secret-of-the-toy"}, text=text)
    return loaded, [f"{found.code}: {found.message}; {found.help}" for found in loaded.report.diagnostics]

head = "version: 1\\nupstreams:\\n  car: "
good, none = say(head + "{kind: toy, password: env:TOY, wheels: 3}\\n")
_, pasted = say(head + "{kind: toy, password: open-sesame}\\n")
_, typo = say(head + "{kind: toy, wheel: 3}\\n")
_, kind = say(head + "{kind: toys}\\n")
print(json.dumps({
    "decoded": type(good.document.upstreams["car"]).__name__, "none": none,
    "pasted": pasted, "typo": typo, "kind": kind,
    "secrets": [secret.reveal() for secret in resolve(good, {"TOY": "secret-of-the-toy"})[0].values()],
    "defined": "Toy" in schema.schema()["$defs"],
}))
'''


def test_a_kind_added_to_the_tuple_is_known_everywhere() -> None:
    done = subprocess.run([sys.executable, "-c", TOY], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "decoded": "Toy",
        "none": [],
        "pasted": [
            "literal-secret: `password` of upstream `car` is the secret itself; put it into a variable and write "
            "`env:NAME`, or `file:/path`; revoke it if the file was shared"
        ],
        "typo": ["unknown-key: unknown key `wheel` in upstream `car`; did you mean `wheels`?"],
        "kind": [
            "unknown-kind: `kind` of upstream `car` cannot be `toys`; "
            "did you mean `toy`? the kinds are openai, anthropic, langchain, claude-code, echo, toy"
        ],
        "secrets": ["secret-of-the-toy"],
        "defined": True,
    }


def test_messages_are_never_the_validators_own() -> None:
    loaded = load("proxy.yaml", {}, text="version: 1\nserver: {hosts: 5}\nmodels: {a: [x]}\n")
    texts = " ".join(found.message for found in loaded.report.diagnostics)
    assert loaded.report.errors
    for error in schema.validator(schema.strict()).iter_errors(
        {"version": 1, "server": {"hosts": 5}, "models": {"a": ["x"]}}
    ):
        assert error.message not in texts
