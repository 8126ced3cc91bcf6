"""`env:NAME` in scalars."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config.document import Document
from engine.config.load import load
from engine.config.tree import Loaded
from engine.diagnostics.render import render
from engine.plan.read import read

FILE = """\
version: 1
server: {{listen: "env:LISTEN:-127.0.0.1:4000", drain: {drain}}}
upstreams: {{openai: {{kind: openai, enabled: {enabled}, headers: {{x-team: {header}}}}}}}
models: {{fast: {{targets: [{target}], retries: {retries}}}}}
keys: {{anonymous: {{}}}}
"""
PLAIN = {"drain": "5s", "enabled": "true", "header": "a", "target": "openai/x", "retries": "1"}


def open_(environ: dict[str, str] | None, **values: str) -> Loaded:
    return load("proxy.yaml", environ, text=FILE.format(**{**PLAIN, **values}))


def document(environ: dict[str, str] | None, **values: str) -> Document:
    loaded = open_(environ, **values)
    assert loaded.document, render(loaded.report, "concise")
    return loaded.document


@pytest.mark.parametrize(
    ("option", "written", "value"),
    [
        ("retries", "env:N", 3),
        ("retries", "env:NOT:-4", 4),
        ("retries", '"env:N"', 3),
        ("retries", "env:EMPTY:-0x2", 2),
        ("enabled", "env:FALSE", False),
        ("header", "env:N", "3"),
        ("header", "env:NULL", "null"),
        ("header", '"env:NOT:-"', ""),
        ("header", '"env:NOT:-a: [b]"', "a: [b]"),
        ("header", "see env:N", "see env:N"),
        ("target", "env:TARGET", "openai/y"),
        ("drain", "env:N:-5s", None),
    ],
)
def test_a_value_is_typed_by_its_place(option: str, written: str, value: Any) -> None:
    environ = {"N": "3", "FALSE": "false", "NULL": "null", "EMPTY": "", "TARGET": "openai/y"}
    loaded = open_(environ, **{option: written})
    if value is None:
        assert [found.code for found in loaded.report.diagnostics] == ["needs-unit"]
        assert "`env:N`" in loaded.report.diagnostics[0].message
        return
    assert loaded.document
    found = {
        "retries": loaded.document.models["fast"].retries,  # type: ignore[union-attr]  # the long form
        "enabled": loaded.document.upstreams["openai"].enabled,
        "header": loaded.document.upstreams["openai"].headers["x-team"],  # type: ignore[attr-defined]  # of kind openai
        "target": loaded.document.models["fast"].targets[0],  # type: ignore[union-attr]  # the long form
    }[option]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("environ", [None, {}])
def test_without_a_value_an_option_has_its_default_and_elsewhere_a_placeholder_stands(
    environ: dict[str, str] | None,
) -> None:
    loaded = open_(environ, drain="env:A", enabled="env:B", header="env:C", target="env:D", retries="env:E")
    assert loaded.document
    assert loaded.document.server.drain == "30s"
    assert loaded.document.upstreams["openai"].enabled
    assert [(path[-1], name) for path, name in loaded.unset] == [
        ("drain", "A"),
        ("enabled", "B"),
        ("x-team", "C"),
        (0, "D"),
        ("retries", "E"),
    ]


def test_a_variable_without_value_is_a_finding_of_the_environment_layer() -> None:
    text = FILE.format(**{**PLAIN, "drain": "env:A", "target": "env:D"})
    reading = read("proxy.yaml", {}, text=text)
    assert [(found.code, found.message) for found in reading.report.errors] == [
        ("unset-variable", "A is not set"),
        ("unset-variable", "D is not set"),
    ]


def test_without_the_environment_no_variable_needs_a_value() -> None:
    reading = read("proxy.yaml", None, text=FILE.format(**{**PLAIN, "drain": "env:A", "target": "env:D"}))
    assert (reading.report.diagnostics, reading.plan) == ([], None)
    assert reading.document
    assert read("proxy.yaml", None, text=FILE.format(**{**PLAIN, "drain": "env:A"})).plan


EVERYWHERE = """\
version: 1
include: [env:V1]
server: {cors: {origins: [env:V2]}}
upstreams: {e: {kind: env:V3, demo: env:V4}, d: {kind: openai, base_url: env:V5, proxy: env:V6}}
models: {a: env:V7, b: {targets: [d/x], fallback: [env:V8], hold: env:V9}}
routes:
  - {name: p, when: {base: env:V10, model: env:V11, header: {x: env:V12}, input_tokens: {min: env:V13}}, to: env:V14}
  - {name: q, when: {path: env:V15}, pass: env:V16}
  - {name: r, deny: {status: env:V17}}
keys: {ada: {hashes: ["env:V18", "env:V19"], models: [env:V20], routes: [env:V21], expires: env:V22}}
"""


def test_wherever_a_variable_stands_without_a_value_that_is_all_there_is_to_say() -> None:
    reading = read("proxy.yaml", {}, text=EVERYWHERE)
    told = sorted(int(found.message.split()[0][1:]) for found in reading.report.diagnostics)
    assert {found.code for found in reading.report.diagnostics} == {"unset-variable"}
    assert told == list(range(1, 23))
    assert read("proxy.yaml", None, text=EVERYWHERE).report.diagnostics == []


@pytest.mark.parametrize(
    "text",
    [
        "models: {a: env:SLY}",
        "models: {a: d/x, b: {targets: [d/x], fallback: [env:SLY]}}",
        "routes: [{name: r, to: env:SLY}]",
        "routes: [{name: r, when: {path: /v1/files}, pass: env:SLY}]",
        "server: {cors: {origins: [env:SLY]}}",
        "server: {drain: env:SLY}",
        "keys: {ada: {hashes: [env:SLY]}}",
        "include: [env:SLY]",
    ],
)
@pytest.mark.parametrize("value", ["hush", "hush-hush/be-quiet", "be-quiet"])
def test_a_finding_names_the_variable_and_not_its_value(text: str, value: str) -> None:
    reading = read("proxy.yaml", {"SLY": value}, text=f"version: 1\nupstreams: {{d: {{kind: echo}}}}\n{text}\n")
    assert reading.report.errors
    for form in ("full", "concise", "json"):
        shown = render(reading.report, form)
        assert "SLY" in shown
        assert not [piece for piece in value.split("/") if piece in shown]


def test_the_value_of_a_variable_that_sounds_secret_is_never_printed() -> None:
    loaded = open_({"MY_TOKEN": "tell-nobody-1"}, header="env:MY_TOKEN", retries="env:MY_TOKEN")
    assert loaded.report.errors
    for form in ("full", "concise", "json"):
        assert "tell-nobody-1" not in render(loaded.report, form)
    assert "tell-nobody-1" in loaded.report.secrets


def test_a_variable_is_not_read_twice() -> None:
    assert document({"A": "env:B", "B": "x"}, header="env:A").upstreams["openai"].headers["x-team"] == "env:B"  # type: ignore[attr-defined]  # of kind openai
