"""What goes wrong once an answer has begun: it is told, and never looks like a good end."""

from __future__ import annotations

from tests.conformance.check import Failed, Room, must


def broken_off(room: Room) -> None:
    """An error in the middle of the upstream's stream is told in the client's form, and is no good end.

    chat: data with an error and no [DONE]; messages: event error and no message_stop; responses: response.failed (or
    an event error) and no response.completed.
    """
    got = room.send(room.body("broken-off"))
    room.arrived()
    must(got.status == 200, f"status {got}")
    reading = room.reading(got)
    must(not reading.ended, "it ends as a good answer does")
    must(reading.error, f"no error in the stream: {got.body[-300:]!r}")
    room.keeps_the_rules(got)


def cut(room: Room) -> None:
    """An upstream that closes the connection in the middle of an answer does not make a good answer of what there is.

    The client is told an error, or its own connection is cut as well.
    """
    got = room.send(room.body("cut"))
    room.arrived()
    if got.status != 200 or not got.whole:
        must(got.status >= 500 or not got.whole, f"status {got}")
        return
    if not room.streams:
        must(got.value is None, f"half an answer came as a whole one: {got}")
        return
    reading = room.reading(got)
    must(not reading.ended, f"it ends as a good answer does: {got.body[-200:]!r}")


def unfinished(room: Room) -> None:
    """A stream of the upstream that ends in HTTP's terms, but before its API's end, is no good answer.

    chat: no finish_reason; messages: no stop_reason; responses: no terminal event.
    """
    got = room.send(room.body("unfinished"))
    room.arrived()
    must(got.status == 200 or got.status >= 500, f"status {got}")
    if got.status == 200:
        must(not room.reading(got).ended, f"it ends as a good answer does: {got.body[-200:]!r}")


def early_error(room: Room) -> None:
    """An upstream that fails after its opening events, before any content, is a real HTTP error to the client.

    So another model can still be asked, and SDKs try again: they do not once a stream has begun with 200.
    """
    got = room.send(room.body("early-error"))
    room.arrived()
    must(got.status >= 500, f"status {got}")
    flaws = room.client.error_flaws(got.value)
    must(not flaws, f"{'; '.join(flaws)}: {got.body[:300]!r}")


def early_cut(room: Room) -> None:
    """An upstream that closes the connection after its opening events is a real HTTP error to the client too."""
    got = room.send(room.body("early-cut"))
    room.arrived()
    must(got.status >= 500, f"status {got}")
    flaws = room.client.error_flaws(got.value)
    must(not flaws, f"{'; '.join(flaws)}: {got.body[:300]!r}")


def left(room: Room) -> None:
    """Wait for the upstream to be left."""
    if not room.act.wait(1, 2.0):
        raise Failed("the request never came to the upstream")
    must(room.act.arrived[0].seen.left_within(2.0), "2 s after the client had left, the upstream was still being asked")


def leave_midway(room: Room) -> None:
    """A client that leaves in the middle of a stream stops the upstream, which goes on counting tokens, within 2 s."""
    got = room.send(room.body("stalled"), heard=lambda body: b"Hello" in body)
    must(got.status == 200, f"status {got}")
    must(b"Hello" in got.body, f"the first piece never came: {got.body[:200]!r}")
    left(room)


def leave_early(room: Room) -> None:
    """A client that leaves before the first byte of an answer stops the upstream within 2 s."""
    from tests.conformance.gateway import Silence

    try:
        got = room.send(room.body("silent"), patience=1.0)
    except Silence:
        left(room)
        return
    if room.streams and got.status == 200:
        left(room)
        return
    must(False, f"an answer came although the upstream gave none: {got}")
