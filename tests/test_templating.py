"""Templates are sandboxed, and a missing name is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2
import jinja2.sandbox
import pytest

from engine import templating

if TYPE_CHECKING:
    from pathlib import Path


def fill(folder: Path, text: str, **values: object) -> str:
    (folder / "a.j2").write_text(text)
    return templating.render("a.j2", folder, **values)


@pytest.mark.parametrize(
    ("text", "values", "filled"),
    [
        ("{{ key }}\n", {"key": "tk-1"}, "tk-1\n"),
        ("{{ key }}", {"key": "<a & b>"}, "<a & b>"),
        ("{% if a %}\nx\n{% endif %}\ny\n", {"a": False}, "y\n"),
        ("{% for m in models %}\n- {{ m }}\n{% endfor %}\n", {"models": ["a", "b"]}, "- a\n- b\n"),
    ],
)
def test_a_template_is_filled_in(tmp_path: Path, text: str, values: dict[str, object], filled: str) -> None:
    assert fill(tmp_path, text, **values) == filled


def test_a_name_nobody_gives_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(jinja2.UndefinedError, match="'kye' is undefined"):
        fill(tmp_path, "{{ kye }}", key="tk-1")


@pytest.mark.parametrize("text", ["{{ ''.__class__.__mro__ }}", "{{ render.__globals__ }}", "{{ models.append(1) }}"])
def test_a_template_cannot_reach_into_python(tmp_path: Path, text: str) -> None:
    with pytest.raises(jinja2.sandbox.SecurityError):
        fill(tmp_path, text, render=templating.render, models=[])


def test_a_template_cannot_leave_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(jinja2.TemplateNotFound):
        fill(inner, "{% include '../secret' %}")
