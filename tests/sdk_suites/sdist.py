"""An SDK's source distribution, and the virtual environment in which its tests run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sdk_suites.suites import Suite

NEEDS = (
    "pytest==9.2.0",
    "pytest-asyncio==1.5.0",
    "pytest-xdist==3.8.0",
    "inline-snapshot==0.36.1",
    "http-snapshot[httpx]==0.1.9",
)
"""What the configuration and the conftest of either suite load."""


class UnavailableError(Exception):
    """Something cannot be had from the package registry on this machine."""


@dataclass(frozen=True)
class Fetched:
    """An SDK in the version that is installed here."""

    suite: Suite
    version: str
    folder: Path

    @property
    def source(self) -> Path:
        """The unpacked source distribution, whose `tests` are run."""
        return self.folder / f"{self.suite.name}-{self.version}"

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    @property
    def wanted(self) -> str:
        """What is installed, one requirement a line."""
        return "\n".join((f"{self.suite.name}[aiohttp]=={self.version}", *NEEDS))

    @property
    def there(self) -> bool:
        mark = self.folder / "installed"
        return mark.is_file() and mark.read_text() == self.wanted


def place(suite: Suite) -> Fetched:
    """Return where the SDK is, or will be once it is fetched."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = Path(os.environ.get("SDK_SUITES_ROOT") or cache / "turnout" / "sdk-suites")
    found = version(suite.name)
    return Fetched(suite, found, root.absolute() / f"{suite.name}-{found}")


def fetch(suite: Suite) -> Fetched:
    """Fetch the SDK unless it is there. Raises `UnavailableError`."""
    sdk = place(suite)
    if sdk.there:
        return sdk
    if sdk.folder.exists():
        shutil.rmtree(sdk.folder)
    sdk.folder.mkdir(parents=True)
    exact = f"{suite.name}=={sdk.version}"
    run(sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", suite.name, "-d", sdk.folder, exact)
    with tarfile.open(sdk.source.with_name(f"{sdk.source.name}.tar.gz")) as archive:
        archive.extractall(sdk.folder, filter="data")
    said = HeaderParser().parsestr((sdk.source / "PKG-INFO").read_text())["Version"]
    if said != sdk.version:
        raise UnavailableError(f"the source of {suite.name} says it is {said}, and {sdk.version} is installed")
    run(sys.executable, "-m", "venv", sdk.folder / "venv")
    run(sdk.python, "-m", "pip", "install", *sdk.wanted.splitlines())
    (sdk.folder / "installed").write_text(sdk.wanted)
    return sdk


def run(*command: str | Path) -> None:
    """Run a command to its end. Raises `UnavailableError` with what it complained about."""
    words = [str(word) for word in command]
    env = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "1"}
    done = subprocess.run(words, check=False, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise UnavailableError(f"{' '.join(words)}: exit status {done.returncode}\n{done.stderr.strip()[-2000:]}")
