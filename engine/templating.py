"""Sandboxed Jinja2 over the shipped templates/. A name that a template needs and nobody gives is an error.

What comes out is text for people and for configuration files, and nothing is escaped; but for pages, `*.html.j2`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine import resources

if TYPE_CHECKING:
    from pathlib import Path


def render(name: str, folder: Path | None = None, /, **values: object) -> str:
    """Return the template `name` (such as `clients/curl.md.j2`) of `folder` filled in with `values`.

    Without `folder` it is the shipped templates/. Raises `jinja2.TemplateNotFound`, `jinja2.UndefinedError` and
    `jinja2.sandbox.SecurityError`.
    """
    return _environment(folder or resources.path("templates")).get_template(name).render(values)


@cache
def _environment(folder: Path) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),  # the rest is Markdown and YAML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
