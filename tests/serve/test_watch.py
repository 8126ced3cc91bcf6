"""What makes the files worth reading again, on a real file system."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from engine.config.load import Files
from engine.serve.watch import LOOK, Watch, signature
from tests.support.edits import EDITORS, ConfigMap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def files(*paths: Path) -> Files:
    found = Files(digests={}, folders=set())
    for path in paths:
        found.read(path)
    return found


def differs(found: Files, act: Callable[[], object]) -> bool:
    before = signature(found)
    act()
    return signature(found).files != before.files


@pytest.mark.parametrize("save", EDITORS, ids=lambda save: save.__name__)
def test_every_save_is_seen(tmp_path: Path, save: Callable[[Path, str], None]) -> None:
    file = tmp_path / "proxy.yaml"
    file.write_text("version: 1\n")
    found = files(file)
    time.sleep(0.01)
    assert differs(found, lambda: save(file, "version: 2\n"))


def test_what_else_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"
    file.write_text("version: 1\n")
    found = files(file)
    time.sleep(0.01)
    assert differs(found, lambda: file.chmod(0o600 if file.stat().st_mode & 0o077 else 0o644))
    assert differs(found, file.unlink)
    assert not differs(found, lambda: None)
    assert differs(found, lambda: file.symlink_to("nowhere"))
    assert differs(found, lambda: (tmp_path / "nowhere").write_text("x"))
    assert differs(found, lambda: (file.unlink(), file.mkdir()))


def test_a_link_to_itself_is_no_trap(tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"
    file.symlink_to(file)
    looped = Files(digests={str(file): None}, folders={str(tmp_path)})
    assert signature(looped) == signature(looped)


def test_a_configmap(tmp_path: Path) -> None:
    folder = ConfigMap(tmp_path / "config", proxy_yaml="version: 1\n")
    found = files(folder.folder / "proxy.yaml")
    assert differs(found, lambda: folder.swap(proxy_yaml="version: 2\n"))


def test_other_files_change_only_the_folder(tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"
    file.write_text("version: 1\n")
    found = files(file)
    before = signature(found)
    time.sleep(0.01)
    (tmp_path / "other.yaml").touch()
    after = signature(found)
    assert before.files == after.files
    assert before.folders != after.folders


def test_events_come_sooner_than_the_look(tmp_path: Path) -> None:
    """Also from a folder that took the place of the one that was watched."""

    async def seconds_until_seen(watch: Watch, act: Callable[[], object]) -> float:
        await asyncio.sleep(0.2)  # the kernel's watch stands
        began = time.monotonic()
        act()
        await watch.wait()
        return time.monotonic() - began

    async def story() -> None:
        folder = tmp_path / "conf.d"
        folder.mkdir()
        watch = Watch()
        try:
            watch.follow([str(folder), str(tmp_path / "nowhere")])
            assert await seconds_until_seen(watch, (folder / "a.yaml").touch) < 0.8 * LOOK
            folder.rename(tmp_path / "old")
            folder.mkdir()
            watch.follow([str(folder)])
            await watch.wait()
            assert await seconds_until_seen(watch, (folder / "b.yaml").touch) < 0.8 * LOOK
        finally:
            watch.close()

    asyncio.run(story())


def test_without_events_there_is_the_look() -> None:
    async def story() -> float:
        began = time.monotonic()
        await Watch().wait()
        return time.monotonic() - began

    assert 0.9 * LOOK < asyncio.run(story()) < 3 * LOOK


def test_a_nudge_is_not_lost() -> None:
    async def story() -> float:
        watch = Watch()
        watch.nudge()
        began = time.monotonic()
        await watch.wait()
        return time.monotonic() - began

    assert asyncio.run(story()) < 0.8 * LOOK
