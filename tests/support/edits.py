"""The ways in which a file gets new content: as editors, shells and Kubernetes do it."""

from __future__ import annotations

import os
from pathlib import Path


def in_place(file: Path, text: str) -> None:
    """Truncate and write, as `echo >`, nano and Python do."""
    file.write_text(text)


def renamed(file: Path, text: str) -> None:
    """Write beside it and rename over it, as VS Code (atomic saves), sed -i and most tools do."""
    new = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    new.write_text(text)
    os.replace(new, file)


def as_vim(file: Path, text: str) -> None:
    """Move the old one to a backup, write a new one, remove the backup; 4913 is vim's look whether it may write."""
    probe = file.with_name("4913")
    probe.touch()
    probe.unlink()
    backup = file.with_name(file.name + "~")
    os.rename(file, backup)
    file.write_text(text)
    backup.unlink()


EDITORS = (in_place, renamed, as_vim)


class ConfigMap:
    """A folder as the kubelet mounts one: files are links into `..data`, itself a link that is swapped."""

    def __init__(self, folder: Path, **files: str) -> None:
        self.folder = folder
        self._count = 0
        folder.mkdir()
        self._publish(files)
        for name in files:
            (folder / _dotted(name)).symlink_to(Path("..data") / _dotted(name))

    def swap(self, **files: str) -> None:
        """Publish new content of every file at once, and remove the old."""
        old = (self.folder / "..data").resolve()
        self._publish(files)
        for path in old.iterdir():
            path.unlink()
        old.rmdir()

    def _publish(self, files: dict[str, str]) -> None:
        self._count += 1
        version = self.folder / f"..2026_11_22_{self._count}"
        version.mkdir()
        for name, text in files.items():
            (version / _dotted(name)).write_text(text)
        link = self.folder / "..data_tmp"
        link.symlink_to(version.name)
        os.replace(link, self.folder / "..data")


def _dotted(name: str) -> str:
    """Return a keyword as a file name: proxy_yaml -> proxy.yaml."""
    return name.replace("_", ".")
