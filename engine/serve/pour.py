"""Lets one streamed answer through a tap to the client, and says whether it was whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Failed, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Headers
    from engine.dialects.base import Tap
    from engine.dialects.meter import Meter
    from engine.serve.generation import Live
    from engine.serve.reply import Reply
    from engine.upstreams.base import Answer


async def pour(
    answer: Answer,
    tap: Tap,
    reply: Reply,
    head: Callable[[], Headers],
    live: Live,
    target: str,
    meter: Meter | None = None,
) -> Failure | None:
    """Send what comes of `answer`; return why it was no whole stream, None when the client has been told everything.

    Until the tap has committed nothing has been sent. `meter` sees every byte that came.
    """
    try:
        while data := await answer.chunk():
            if meter is not None:
                meter.feed(data)
            if piece := tap.feed(data):
                await reply.piece(piece if tap.failure is None else live.scrub(piece), head)
            if tap.failure is not None or tap.over:
                break
        else:
            if meter is not None:
                meter.finish()
            if piece := tap.finish():
                await reply.piece(piece, head)
    except Failed as failed:
        return await _broken(failed.failure, tap, reply, head)
    return _flaw(tap, target)


async def _broken(failure: Failure, tap: Tap, reply: Reply, head: Callable[[], Headers]) -> Failure | None:
    """The upstream's connection failed: if all has been said, how it ends is nobody's business."""
    if tap.committed and tap.failure is None and not tap.ended and (piece := tap.finish()) and tap.ended:
        await reply.piece(piece, head)  # it had said why it stopped: only its last line is missing
    return None if tap.committed and tap.ended else failure


def _flaw(tap: Tap, target: str) -> Failure | None:
    """Return why a stream that is over was none, unless the client has been told already."""
    if not tap.committed:
        message = f"{target} ended its stream before any content"
        return tap.failure or Failure(reason="disconnect", message=message)
    if tap.failure is not None:
        return None if tap.told else tap.failure
    return None if tap.ended else Failure(reason="disconnect", message=f"{target} broke its stream off")
