"""Modules that lie beside the file: found after all others, and only those that `server.allow_code` names."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType


class Beside(MetaPathFinder):
    """Finds packages and modules of one folder. What is in a package, Python finds itself."""

    def __init__(self) -> None:
        self.folder = ""
        self.names: frozenset[str] = frozenset()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or fullname not in self.names:
            return None
        return PathFinder.find_spec(fullname, [self.folder], target)


FINDER = Beside()


def look_beside(main: str, allowed: Iterable[str]) -> None:
    """Let what `allowed` names (pkg.module, pkg.*) be found beside the file `main`."""
    FINDER.folder = str(Path(main).resolve().parent)
    FINDER.names = frozenset(name.partition(".")[0] for name in allowed)
    if FINDER not in sys.meta_path:
        sys.meta_path.append(FINDER)
