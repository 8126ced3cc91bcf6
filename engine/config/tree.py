"""What loading makes: values with their places, the files that were looked at, the variables that were asked."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from engine.diagnostics import Report, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.config.document import Document

Path = tuple[str | int, ...]
"""Where a value stands in the document: ("upstreams", "openai", "timeouts")."""


LARGEST = 16 * 1024 * 1024 + 4
"""Bytes that are read of a file: more than the characters it may have, but not /dev/zero."""
MAX_LINKS = 40
"""Symlinks followed on the way to one file, as Linux does."""


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """Plain values, and where each of them stands. Includes are already merged in (rules C1, C2)."""

    data: dict[str, Any]
    keys: dict[Path, Span]
    """Path of a mapping entry -> the span of its key."""
    values: dict[Path, Span]
    """Path -> the span of its value."""

    def key(self, *path: str | int) -> Span | None:
        """Return the span of the key at `path`, or of the nearest thing above it that has one."""
        for end in range(len(path), -1, -1):
            span = self.keys.get(path[:end]) or self.values.get(path[:end])
            if span is not None:
                return span
        return None

    def value(self, *path: str | int) -> Span | None:
        """Return the span of the value at `path`, or of the nearest thing above it."""
        return self.values.get(path) or self.key(*path)


class Files(msgspec.Struct, kw_only=True):
    """Every file that was looked at. It grows: `secrets.resolve` adds the files of `file:` references."""

    digests: dict[str, bytes | None] = {}
    """Absolute path -> SHA-256 of its content, None where it is missing or unreadable."""
    folders: set[str] = set()
    """Existing folders to watch: those of the files, of where their symlinks lead, and of include globs."""

    def read(self, path: FilePath) -> bytes:
        """Return the content of `path` and note its digest. Raises `OSError`."""
        if "\0" in str(path):
            raise OSError(errno.EINVAL, "no file can have this name")
        absolute = FilePath(path).absolute()
        self.digests[str(absolute)] = None
        for folder in _folders(absolute):
            self.watch(folder)
        mode = absolute.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISCHR(mode)):
            raise OSError(errno.EINVAL, "a pipe or socket would keep us waiting; name a regular file")
        with absolute.open("rb") as file:
            content = file.read(LARGEST)
        self.digests[str(absolute)] = hashlib.sha256(content).digest()
        return content

    def watch(self, folder: FilePath) -> None:
        """Note `folder`, or the nearest one above it that exists."""
        while not os.path.isdir(folder) and folder != folder.parent:  # noqa: PTH112 - it never raises
            folder = folder.parent
        self.folders.add(str(folder))


def _folders(path: FilePath) -> Iterator[FilePath]:
    """Yield the folder of every link on the way to the content of `path`, and the one it is in: a swap changes one."""
    yield path.parent
    here, ahead, links = FilePath(path.anchor), list(path.parts[1:]), 0
    while ahead and links < MAX_LINKS:
        step = ahead.pop(0)
        if step == "..":
            here = here.parent
        elif (here / step).is_symlink():
            links += 1
            yield here
            target = (here / step).readlink()
            here = FilePath(target.anchor) if target.is_absolute() else here
            ahead[:0] = [part for part in target.parts if part != target.anchor]
        else:
            here /= step
    yield here.parent


class Given(NamedTuple):
    """A variable, and whether it is only its default that it has."""

    name: str
    default: bool

    @property
    def value(self) -> str:
        return f"the default of `env:{self.name}`" if self.default else f"the value of `env:{self.name}`"

    @property
    def change(self) -> str:
        return f"give {self.name} another default" if self.default else f"set {self.name} to another value"


class Loaded(msgspec.Struct, kw_only=True):
    """What came of loading. `document` is None when `report` has errors."""

    report: Report
    files: Files
    tree: Tree | None = None
    document: Document | None = None
    variables: dict[Path, Given] = {}
    """Where the value is a variable's."""
    unset: list[tuple[Path, str]] = []
    """Variables that a value asks for and that have neither value nor default: `resolve` reports them."""
