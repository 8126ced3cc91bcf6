"""What is built installs and runs: wheel, sdist, the wheel made from the sdist, and the editable install."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from engine import __version__

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
DATA = {
    "engine/_data/proxy.yaml",
    "engine/_data/schema/proxy.schema.json",
    "engine/_data/templates/status.html.j2",
    "engine/_data/templates/claude-plan.yaml",
    *(f"engine/store/{path.name}" for path in (ROOT / "engine/store").glob("*.lua")),
    *(f"engine/dialects/contract/{path.name}" for path in (ROOT / "engine/dialects/contract").glob("*.yaml")),
    *(f"engine/_data/templates/clients/{path.name}" for path in (ROOT / "templates" / "clients").iterdir()),
}
"""What a wheel carries besides code."""


class Venv:
    """A fresh virtual environment. `run` runs one of its commands in `/`, far from the checkout."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        self.bin = folder / ("Scripts" if os.name == "nt" else "bin")

    def run(self, command: str, *args: str | Path, cwd: str | Path = "/") -> str:
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
        }
        done = subprocess.run(
            [self.bin / command, *args],
            cwd=cwd,
            env=inherited,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{command} {' '.join(map(str, args))}\n{done.stdout}{done.stderr}"
        return done.stdout

    def install(self, *what: str | Path) -> None:
        self.run("pip", "install", "--quiet", "--disable-pip-version-check", *what)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build all three from a copy of what git knows, so that nothing lying about gets in."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    source.mkdir()
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, files.split("\0")):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    builder = Venv(folder / "builder")
    builder.install("hatchling")
    builder.run("hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", folder / "dist", cwd=source)
    (wheel,) = (folder / "dist").glob("*.whl")
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    builder.run("hatchling", "build", "-t", "wheel", "-d", folder / "again", cwd=unpacked)
    (again,) = (folder / "again").glob("*.whl")
    return {"source": source, "wheel": wheel, "sdist": sdist, "wheel from sdist": again}


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_wheel_carries_the_code_and_its_data_and_nothing_else(built: dict[str, Path]) -> None:
    names = set(contents(built["wheel"]))
    code = {
        f"engine/{path.relative_to(built['source'] / 'engine')}" for path in (built["source"] / "engine").rglob("*.py")
    }
    metadata = {name for name in names if name.startswith(f"turnout-{__version__}.dist-info/")}
    assert names == code | DATA | metadata


def test_the_sdist_makes_the_same_wheel(built: dict[str, Path]) -> None:
    assert contents(built["wheel from sdist"]) == contents(built["wheel"])


@pytest.mark.parametrize("what", ["wheel", "editable"])
def test_it_installs_and_runs_from_anywhere(built: dict[str, Path], tmp_path: Path, what: str) -> None:
    venv = Venv(tmp_path / "venv")
    if what == "editable":
        venv.install("--editable", built["source"])
        shipped = str(built["source"] / "proxy.yaml")
    else:
        venv.install(built["wheel"])
        shipped = venv.run("python", "-c", "from engine import resources; print(resources.path('proxy.yaml'))").strip()
    assert venv.run("turnout", "--version") == f"turnout {__version__}\n"
    assert venv.run("python", "-m", "engine", "--version") == f"turnout {__version__}\n"
    assert venv.run("turnout", "check", "--no-environment", shipped).startswith(f"{shipped}: ok (")
    assert "fresh" in venv.run("turnout", "schema", "--check")
    assert "export ANTHROPIC_BASE_URL=http://127.0.0.1:4000" in venv.run("turnout", "connect", "claude-code")
    assert venv.run("python", "-c", "import engine.serve.main") == ""
