"""How sources of tools live: begun with the file, once; begun again when they die; ended with what declares them."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

from tests.end_to_end.steps.tools.conftest import ADA
from tests.end_to_end.steps.tools.test_rounds import ask, calls, results, says
from tests.support.apis import CHAT
from tests.support.http import Line, get
from tests.support.loop import Call

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def pid(turnout: Turnout, openai: Upstream, model: str = "gpt") -> int:
    """Return the process of the server, which a model asks for."""
    openai.script(calls(CHAT, Call("pid", {}, "1")), says(CHAT, "ok"))
    assert ask(turnout, CHAT, model).status == 200
    found = re.search(r"pid (\d+)", results(openai))
    assert found is not None
    return int(found[1])


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_process_serves_all_entries(turnout: Turnout, openai: Upstream) -> None:
    assert pid(turnout, openai) == pid(turnout, openai, "loud-gpt") == pid(turnout, openai, "hasty")


def test_one_that_dies_is_begun_again(turnout: Turnout, openai: Upstream) -> None:
    first = pid(turnout, openai)
    openai.script(calls(CHAT, Call("die", {}, "1")), says(CHAT, "ok"))
    assert ask(turnout, CHAT, "gpt").status == 200
    assert openai.last.json["messages"][-1]["content"].startswith("Error: ")
    assert pid(turnout, openai) != first
    assert not lives(first)


def test_an_edit_elsewhere_leaves_it_and_one_of_it_ends_it(turnout: Turnout, openai: Upstream) -> None:
    first, text = pid(turnout, openai), turnout.file.read_text()
    turnout.taken(lambda: turnout.file.write_text(text + "# nothing\n"))
    assert pid(turnout, openai) == first
    turnout.taken(lambda: turnout.file.write_text(text.replace("{SECRET:", "{OTHER: '1', SECRET:")))
    second = pid(turnout, openai)
    assert second != first
    until(lambda: not lives(first))
    turnout.taken(lambda: turnout.file.write_text(text))
    until(lambda: not lives(second))


def test_a_client_that_leaves_ends_its_calls(turnout: Turnout, openai: Upstream, marks: Path) -> None:
    openai.script(calls(CHAT, Call("sleep", {"seconds": 62.0}, "1")))
    with Line(turnout.url) as line:
        line.ask("POST", CHAT.path, {"x-api-key": ADA}, CHAT.body("gpt"))
        until((marks / "begun-62.0").exists)
    until((marks / "left-62.0").exists)
    assert len(openai.requests) == 1
    until(lambda: get(turnout.url, "/status").json["store"]["leases"] == 0)


def test_the_status_tells_how_each_is(turnout: Turnout, openai: Upstream) -> None:
    pid(turnout, openai)
    told = {one["name"]: one for one in get(turnout.url, "/status").json["tools"]}
    assert told["their_team.tools:add"]["state"] == "ready"
    (server,) = [one for name, one in told.items() if name.endswith("server.py")]
    assert server["state"] == "ready"
    assert server["begun"] >= 1
    assert "No such file" in told["mcp at-all"]["state"]
    assert b"mcp at-all" in get(turnout.url, "/status", {"accept": "text/html"}).body


def test_nothing_is_left_when_turnout_ends(turnout: Turnout, openai: Upstream) -> None:
    process = pid(turnout, openai)
    turnout.stop()
    assert not lives(process)
