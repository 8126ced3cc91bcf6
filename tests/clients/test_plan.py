"""The real Claude Code with a sign-in of its own, through templates/claude-plan.yaml: what reaches whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients.desk import Desk, Task
from tests.end_to_end.test_plan import TOKEN, example

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.upstream import Upstream

pytestmark = pytest.mark.clients


def test_its_own_sign_in_reaches_the_plan_alone(
    start: Start, anthropic: Upstream, openai: Upstream, tmp_path: Path
) -> None:
    turnout = start(example(anthropic, openai))
    desk = Desk(tmp_path / "desk", Task(tmp_path / "project"))
    done = desk.claude_code(turnout.url, "claude-opus-4-8", TOKEN, auth="CLAUDE_CODE_OAUTH_TOKEN")
    assert done.status == 0, str(done)
    asked = [seen for seen in anthropic.requests if seen.path == "/v1/messages"]
    assert asked
    assert {seen.header("authorization") for seen in asked} == {f"Bearer {TOKEN}"}
    assert all(TOKEN not in str(seen.headers) for seen in openai.requests)
    assert TOKEN not in turnout.log()
