"""Ten first mistakes of a newcomer, as the terminal shows them: `turnout check` on each file, as a real process."""

from __future__ import annotations

from pathlib import Path

from tests.cli.turnout import turnout

MISTAKES = Path(__file__).parents[1] / "configs" / "mistakes"
GOLDEN = Path(__file__).parent / "golden" / "mistakes.txt"


def transcript() -> str:
    """Return the whole session; each file's first comment says what the newcomer wanted."""
    scenes = []
    for file in sorted(MISTAKES.glob("*.yaml")):
        ended = turnout("check", file.name, cwd=MISTAKES)
        scenes.append(f"$ turnout check {file.name}\n{ended.out}{ended.err}exit code {ended.code}\n")
    return "\n".join(scenes)


def bless() -> None:
    """Write the golden transcript anew."""
    GOLDEN.write_text(transcript(), encoding="utf-8")


def test_the_terminal_shows_what_we_agreed_on() -> None:
    assert transcript() == GOLDEN.read_text(encoding="utf-8")


def test_there_are_ten_and_each_is_told_the_way_out() -> None:
    scenes = GOLDEN.read_text(encoding="utf-8").split("$ turnout check ")[1:]
    assert len(scenes) == len(list(MISTAKES.glob("*.yaml"))) >= 10
    for scene in scenes:
        assert "error[" in scene
        assert "= help: " in scene
        assert " --> " in scene
        assert scene.rstrip().endswith("exit code 1")
