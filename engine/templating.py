"""Sandboxed Jinja2 over the shipped templates/. A name that a template needs and nobody gives is an error.

What comes out is text for people and for configuration files, and nothing is escaped; but for pages, `*.html.j2`.
"""

from __future__ import annotations

import traceback
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.meta import find_referenced_templates, find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine import resources

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jinja2.runtime import Context


LARGEST = 1_000_000
"""The most characters, or items, or bits of a number, that one operation of a template may make."""


def render(name: str, folder: Path | None = None, /, **values: object) -> str:
    """Return the template `name` (such as `clients/curl.md.j2`) of `folder` filled in with `values`.

    Without `folder` it is the shipped templates/. Raises `jinja2.TemplateNotFound`, `jinja2.UndefinedError` and
    `jinja2.sandbox.SecurityError`.
    """
    return _environment(folder or resources.path("templates")).get_template(name).render(values)


def needs(text: str) -> tuple[set[str], list[str]]:
    """Return the names that a template needs, and the other templates that it names. Raises `TemplateSyntaxError`."""
    tree = _environment(None).parse(text)
    return find_undeclared_variables(tree), [name or "?" for name in find_referenced_templates(tree)]


def compiled(text: str) -> Callable[[dict[str, Any]], str]:
    """Return what fills the template in. Raises `TemplateSyntaxError`."""
    return _environment(None).from_string(text).render


def line_of(error: BaseException) -> int:
    """Return the line of the template on which filling it in went wrong; 1 where that is not known."""
    found = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return found[-1] or 1 if found else 1


class Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox in which nothing grows without bound by a slip: `range` is bounded by Jinja, `*` and `**` are here."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        grown = 0
        if operator == "*":
            sizes = [len(one) if isinstance(one, str | list | tuple) else one for one in (left, right)]
            if any(isinstance(one, str | list | tuple) for one in (left, right)):
                grown = sizes[0] * sizes[1]
        elif isinstance(left, int) and isinstance(right, int):
            grown = left.bit_length() * right
        if grown > LARGEST:
            raise SecurityError(f"`{operator}` makes more than {LARGEST} characters")
        return super().call_binop(context, operator, left, right)


@cache
def _environment(folder: Path | None) -> Sandbox:
    return Sandbox(
        loader=FileSystemLoader(folder) if folder is not None else None,
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),  # the rest is Markdown and YAML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
