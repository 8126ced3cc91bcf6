"""Files, and what `load` returns for them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.load import load
from engine.config.tree import Loaded
from engine.diagnostics.render import render
from engine.upstreams.openai import OpenAI

MAIN = "version: 1\nupstreams: {openai: {kind: openai}}\nmodels: {fast: openai/x}\n"


def codes(loaded: Loaded) -> list[str]:
    return [found.code for found in loaded.report.diagnostics]


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def test_a_file_becomes_a_document_with_the_place_of_everything(tmp_path: Path) -> None:
    main = tmp_path / "proxy.yaml"
    main.write_text(MAIN)
    loaded = load(str(main), {})
    assert loaded.document
    assert isinstance(loaded.document.upstreams["openai"], OpenAI)
    assert loaded.tree
    assert str(loaded.tree.key("models", "fast")) == f"{main}:3:10"
    assert str(loaded.tree.value("models", "fast", "targets")) == f"{main}:3:10"
    assert str(loaded.tree.key("models", "fast", "retries")) == f"{main}:3:10"
    assert loaded.files.digests == {str(main): digest(MAIN)}
    assert loaded.files.folders == {str(tmp_path)}


def test_text_replaces_the_file(tmp_path: Path) -> None:
    loaded = load(str(tmp_path / "-"), {}, text=MAIN)
    assert loaded.document
    assert loaded.files.digests == {}


def test_a_missing_file_is_watched_for(tmp_path: Path) -> None:
    loaded = load(str(tmp_path / "gone" / "proxy.yaml"), {})
    assert codes(loaded) == ["no-file"]
    assert loaded.files.digests == {str(tmp_path / "gone" / "proxy.yaml"): None}
    assert loaded.files.folders == {str(tmp_path)}


def test_a_folder_or_an_unreadable_file_is_told(tmp_path: Path) -> None:
    assert codes(load(str(tmp_path), {})) == ["unreadable"]
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    loaded = load(str(loop), {})
    assert codes(loaded) == ["unreadable"]
    assert loaded.files.digests == {str(loop): None}


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    main = tmp_path / "proxy.yaml"
    main.write_text("")
    assert codes(load(str(main), {})) == ["empty-file"]


def test_a_mounted_configmap_is_watched_where_its_links_lead(tmp_path: Path) -> None:
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "proxy.yaml").write_text(MAIN)
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "mount").mkdir()
    (tmp_path / "mount" / "proxy.yaml").symlink_to("../..data/proxy.yaml")
    loaded = load(str(tmp_path / "mount" / "proxy.yaml"), {})
    assert loaded.document
    assert loaded.files.digests == {str(tmp_path / "mount" / "proxy.yaml"): digest(MAIN)}
    assert loaded.files.folders == {str(tmp_path / "mount"), str(tmp_path), str(tmp_path / "..2026")}


def test_includes_are_files_of_the_set_and_their_folders_are_watched(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.yaml").write_text("models: {b: openai/b}\n")
    (tmp_path / "conf.d" / "a.yaml").write_text("models: {a: openai/a}\nroutes: []\n")
    main = tmp_path / "proxy.yaml"
    main.write_text(MAIN + 'include: ["conf.d/*.yaml", "later/*/x.yaml", missing.yaml]\n')
    loaded = load(str(main), {})
    assert codes(loaded) == ["no-file"]
    assert set(loaded.files.digests) == {
        str(tmp_path / name) for name in ("proxy.yaml", "conf.d/a.yaml", "conf.d/b.yaml", "missing.yaml")
    }
    assert loaded.files.digests[str(tmp_path / "missing.yaml")] is None
    assert loaded.files.folders == {str(tmp_path), str(tmp_path / "conf.d")}


@pytest.mark.parametrize(
    "entry",
    [
        '"a\\0b.yaml"',
        '"*\\0.yaml"',
        '"\\0*/x.yaml"',
        "loop.yaml",
        "x" * 300,
        "x" * 300 + "/*.yaml",
        '"[.yaml"',
        '""',
        "/",
    ],
)
def test_what_can_be_no_file_is_told_or_matches_nothing(tmp_path: Path, entry: str) -> None:
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    main = tmp_path / "proxy.yaml"
    main.write_text(MAIN + f"include: [{entry}]\n")
    loaded = load(str(main), {})
    assert set(codes(loaded)) <= {"unreadable", "no-file"}
    assert (loaded.document is None) == bool(codes(loaded))


def test_included_entries_come_after_those_of_the_main_file_in_path_order(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("models: {b: openai/b}\n")
    (tmp_path / "a.yaml").write_text("models: {a: openai/a}\nroutes: [{name: r, when: {base: x}, to: a}]\n")
    main = tmp_path / "proxy.yaml"
    main.write_text(MAIN + 'include: ["[ab].yaml"]\nroutes: [{name: first, to: fast}]\n')
    loaded = load(str(main), {})
    assert loaded.document
    assert list(loaded.document.models) == ["fast", "a", "b"]
    assert [route.name for route in loaded.document.routes] == ["first", "r"]
    assert loaded.tree
    assert str(loaded.tree.value("routes", 1, "to")) == f"{tmp_path}/a.yaml:2:41"


@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(MAIN.split() + list(":{}[]\n -*&'\"|><!%@\t#")), max_size=60).map("".join)
)
def test_no_text_makes_it_raise(text: str) -> None:
    loaded = load("fuzz.yaml", {}, text=text)
    assert (loaded.document is None) == (not loaded.report.ok)
    for form in ("full", "concise", "json"):
        assert isinstance(render(loaded.report, form), str)


@given(content=st.binary(max_size=120))
def test_no_bytes_make_it_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(content)
    loaded = load(str(path), {})
    assert (loaded.document is None) == (not loaded.report.ok)


@pytest.mark.parametrize("insert", range(len(MAIN)))
def test_a_file_cut_off_anywhere_is_a_finding_or_a_document(insert: int) -> None:
    loaded = load("cut.yaml", {}, text=MAIN[:insert])
    assert (loaded.document is None) == (not loaded.report.ok)


@pytest.mark.parametrize(
    "text",
    [
        'version: 1\nupstreams: {a: {kind: openai, api_key: "correct-horse}}\n',
        "version: 1\nupstreams: {a: {kind: openai, apikey: correct-horse}}\n",
        "version: 1\nupstreams: {a: {kind: openai, api_key: correct-horse, headers: 5}}\n",
        "version: 1\nupstreams: {a: {kind: openai, headers: {authorization: Bearer correct-horse, x: 5}}}\n",
        "version: 1\nupstreams: {a: {kind: openai, api_key: {value: 1, token: correct-horse}}}\n",
        "version: 1\nOPENAI_API_KEY=correct-horse\n",
        "version: 1\nupstreams: {a: {kind: openai, 'x-api-key': 'correct-horse'}}\n",
    ],
)
def test_a_secret_is_masked_in_whatever_wrong_line_it_stands(text: str) -> None:
    loaded = load("proxy.yaml", {}, text=text)
    assert loaded.report.errors
    for form in ("full", "concise", "json"):
        assert "correct-horse" not in render(loaded.report, form)


def test_words_that_are_no_secrets_stay_readable() -> None:
    text = (
        "version: 1\nroutes: [{name: r, when: {key: ada-lovelace, max_tokens: {min: 123456}, strem: true}, to: fast}]\n"
    )
    assert "ada-lovelace, max_tokens: {min: 123456}" in render(load("proxy.yaml", {}, text=text).report, "full")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_among_the_files_is_told_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text("version: 1\ninclude: [conf.d/*.yaml]\n")
    (tmp_path / "conf.d").mkdir()
    os.mkfifo(tmp_path / "conf.d" / "x.yaml")
    report = load(str(tmp_path / "proxy.yaml"), {}).report
    assert [found.code for found in report.errors] == ["unreadable"]
    assert "regular file" in report.errors[0].message
