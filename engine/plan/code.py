"""What code an upstream names, and whether the file may have it imported. Nothing is imported to find that out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from engine.config.pasted import REVOKE, remember
from engine.diagnostics.mask import drawn
from engine.upstreams.base import SECRET
from engine.upstreams.langchain import KEYS, LangChain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.plan.source import Source
    from engine.upstreams.base import Options

    Path: TypeAlias = tuple[str | int, ...]

SECRETIVE = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)
REFERENCE = re.compile(SECRET)


def check_code(source: Source, name: str, options: Options) -> None:
    """Report an upstream that does not name one piece of code, or one that `server.allow_code` does not allow."""
    if not isinstance(options, LangChain):
        return
    for path, text in pasted(options.options, ("upstreams", name, "options")):
        source.report.error(
            "literal-secret", f"`{path[-1]}` is the secret itself", source.tree.value(*path), help=REVOKE
        )
        remember(text, source.tree.value(*path), source.report)
    named = [key for key in KEYS if getattr(options, key) is not None]
    if not named:
        source.report.error(
            "no-code",
            f"upstream `{name}` does not say what answers",
            source.tree.key("upstreams", name),
            help="add `object: pkg.module:name`, `provider: openai` or `embeddings: pkg.module:name`",
        )
        return
    if len(named) > 1:
        source.report.error(
            "code-twice",
            f"upstream `{name}` names both `{named[0]}` and `{named[1]}`",
            source.tree.key("upstreams", name, named[1]),
            help="keep one of them, or make it two upstreams",
        )
        return
    module, _ = options.code
    allowed = source.document.server.allow_code
    if not any(allows(pattern, module) for pattern in allowed):
        source.report.error(
            "code-not-allowed",
            f"`server.allow_code` does not allow the import of `{module}`",
            source.tree.value("upstreams", name, named[0]),
            help=f"if this code is to be trusted, write `allow_code: [{', '.join([*allowed, module])}]` under `server`",
        )


def pasted(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the texts in options whose names say that they are secrets, and which look drawn by lot as keys are."""
    if isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from pasted(inner, (*path, step))
    elif isinstance(value, str) and SECRETIVE.search(str(path[-1])) and not REFERENCE.search(value) and drawn(value):
        yield path, value


def allows(pattern: str, module: str) -> bool:
    """Say whether `pattern` (pkg.module, or pkg.* for a package and all in it) names `module`."""
    package = pattern.removesuffix(".*")
    return module == package or (package != pattern and module.startswith(f"{package}."))
