"""Keep-alives behind a client that takes nothing: there is never more than one on its way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.serve import reply
from engine.serve.reply import EVENT_STREAM, Reply, Visit

if TYPE_CHECKING:
    from engine.serve.generation import Generation


@pytest.mark.parametrize("stuck_at", ["the head", "a keep-alive", "content"])
def test_keepalives_do_not_pile_up(monkeypatch: pytest.MonkeyPatch, stuck_at: str) -> None:
    monkeypatch.setattr(reply, "BEAT", (0.005, 0.005))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        taken = asyncio.Event()
        tried: list[bytes] = []
        stuck = False

        async def send(message: Any) -> None:
            nonlocal stuck
            what = message.get("body", b"head")
            tried.append(what)
            stuck = stuck or what == {"the head": b"head", "a keep-alive": b": \n\n", "content": b"word"}[stuck_at]
            if stuck:
                await taken.wait()

        answer = Reply(send, Visit(cast("Generation", None), loop))
        answer.hold(0.005, b": \n\n", lambda: [EVENT_STREAM])
        words = None
        if stuck_at == "content":
            words = asyncio.create_task(answer.piece(b"word", lambda: [EVENT_STREAM]))
        await asyncio.sleep(0.2)
        assert len(asyncio.all_tasks()) <= (3 if words else 2)
        assert tried.count(b": \n\n") <= 1
        taken.set()
        if words is not None:
            await words
        await answer.end(b"last")
        assert tried[-1] == b"last"
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
