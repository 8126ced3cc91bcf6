"""Connections are kept, handed on, capped and given up."""

from __future__ import annotations

import asyncio

import pytest

from engine.transport import h1 as module
from engine.transport.base import Waits
from engine.transport.h1 import H1
from tests.transport.conftest import Run
from tests.transport.host import OK, STREAM, Wire, always, error_of, get, hosting, once, post, whole


def test_one_connection_serves_one_after_the_other(run: Run) -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            for _ in range(5):
                assert await whole(h1, post()) == (200, b"ok")
            assert (host.total, len(host.requests)) == (1, 5)
            await h1.close()
            await asyncio.sleep(0.02)
            assert host.open == 0

    run(main())


def test_the_last_one_back_is_the_first_one_out(run: Run) -> None:
    used: list[int] = []

    async def script(wire: Wire) -> None:
        mine = wire.host.total
        while True:
            await wire.request()
            used.append(mine)
            wire.write(OK)

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            first = await h1.send(post(), Waits())
            second = await h1.send(post(), Waits())
            while await second.chunk():
                pass
            while await first.chunk():
                pass
            for _ in range(3):
                await whole(h1, post())
            assert used == [1, 2, 1, 1, 1]
            await h1.close()

    run(main())


def test_closing_a_complete_answer_unread_keeps_its_connection(run: Run) -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            reply = await h1.send(post(), Waits())
            reply.close()
            reply.close()
            assert (await error_of(reply.chunk())).reason == "disconnect"
            assert await whole(h1, post()) == (200, b"ok")
            assert host.total == 1
            await h1.close()

    run(main())


def test_a_connection_kept_too_long_is_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE", 0.1)

    async def script(wire: Wire) -> None:
        await wire.request()
        wire.write(OK)
        await wire.left()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            await whole(h1, post(), Waits(first_byte=0.05, total=0.08))  # its own deadlines are over and forgotten
            begun = loop.time()
            await host.saw_us_leave(begun + 0.1)
            assert host.left[0] - begun > 0.09
            assert await whole(h1, post()) == (200, b"ok")
            await h1.close()

    run(main())


def test_a_kept_connection_that_the_host_closes_is_forgotten(run: Run) -> None:
    async def main() -> None:
        async with hosting(once(OK)) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            for count in (1, 2, 3):
                assert await whole(h1, post()) == (200, b"ok")
                await asyncio.sleep(0.02)
                assert host.total == count
            await h1.close()

    run(main())


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_close_that_crosses_our_request_costs_one_more_try(run: Run, how: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        wire.write(OK)
        if wire.host.total <= 3:  # the first three hosts hang up on their second request
            await wire.request()
            wire.close() if how == "close" else wire.reset()
        else:
            await always(OK)(wire)

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            for reply in [await h1.send(post(), Waits()) for _ in range(3)]:
                assert await reply.chunk() == b"ok"
            assert host.total == 3
            assert await whole(h1, post(b"again")) == (200, b"ok")
            # The one that died, then a fresh one: the other two kept ones are older and not trusted either.
            assert (host.total, len(host.requests)) == (4, 5)
            assert [request.body for request in host.requests[3:]] == [b"again", b"again"]
            await asyncio.sleep(0.02)
            assert host.open == 1
            await h1.close()

    run(main())


def test_a_fresh_connection_that_dies_is_not_tried_again(run: Run) -> None:
    async def main() -> None:
        async with hosting(once(b"")) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            error = await error_of(h1.send(post(), Waits()))
            assert (error.reason, host.total) == ("disconnect", 1)
            await h1.close()

    run(main())


def test_one_byte_of_answer_forbids_another_try(run: Run) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        wire.write(OK)
        await wire.request()
        wire.write(b"H")
        wire.close()

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port)
            await whole(h1, post())
            error = await error_of(h1.send(post(), Waits()))
            assert (error.reason, host.total) == ("disconnect", 1)
            await h1.close()

    run(main())


def test_beyond_the_cap_requests_wait_in_line(run: Run) -> None:
    async def script(wire: Wire) -> None:
        while True:
            await wire.request()
            await asyncio.sleep(0.01)
            wire.write(OK)

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port, limit=2)
            answers = await asyncio.gather(*(whole(h1, post()) for _ in range(20)))
            assert (answers, host.total) == ([(200, b"ok")] * 20, 2)
            await h1.close()

    run(main())


def test_a_slot_goes_to_the_next_in_line_when_its_connection_dies(run: Run) -> None:
    async def main() -> None:
        async with hosting(once(OK)) as host:
            h1 = H1("http", "127.0.0.1", host.port, limit=1)
            answers = await asyncio.gather(*(whole(h1, post()) for _ in range(5)))
            assert (answers, host.total) == ([(200, b"ok")] * 5, 5)
            await h1.close()

    run(main())


def test_the_line_is_left_after_the_connect_timeout_or_at_once_when_cancelled(run: Run) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        wire.write(STREAM)
        await wire.left()

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port, limit=1)
            busy = await h1.send(post(), Waits())
            error = await error_of(h1.send(post(), Waits(connect=0.05)))
            assert (error.reason, "timeouts.connect" in error.message) == ("timeout", True)
            assert "all 1 are busy" in error.message
            error = await error_of(h1.send(post(), Waits(total=0.05)))
            assert (error.reason, "timeouts.total" in error.message) == ("timeout", True)
            waiting = [asyncio.create_task(h1.send(post(), Waits())) for _ in range(3)]
            await asyncio.sleep(0.01)
            waiting[0].cancel()
            busy.close()
            reply = await waiting[1]  # not the one that left
            waiting[2].cancel()
            reply.close()
            await asyncio.gather(*waiting, return_exceptions=True)
            await asyncio.sleep(0.02)
            assert (host.total, host.open) == (2, 0)
            (await h1.send(post(), Waits())).close()
            await h1.close()

    run(main())


def test_cancelled_with_a_connection_in_hand_gives_it_back(run: Run) -> None:
    async def main() -> None:
        async with hosting(always(OK)) as host:
            h1 = H1("http", "127.0.0.1", host.port, limit=1)
            busy = await h1.send(post(), Waits())
            waiting = asyncio.create_task(h1.send(post(), Waits()))
            await asyncio.sleep(0.01)
            busy.close()  # the connection is handed over, but the task has not run yet
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            assert await whole(h1, post(), Waits(connect=0.2)) == (200, b"ok")
            assert host.total == 1
            await h1.close()

    run(main())


def test_cancelled_with_a_slot_in_hand_gives_it_on(run: Run) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        wire.write(STREAM + b"2\r\nok\r\n")
        await wire.left()

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port, limit=1)
            busy = await h1.send(post(), Waits())
            first, second = [asyncio.create_task(h1.send(post(), Waits(connect=0.5))) for _ in range(2)]
            await asyncio.sleep(0.01)
            busy.close()
            await asyncio.sleep(0)  # the socket closes and its slot is given to the first in line,
            first.cancel()  # who leaves before making use of it
            reply = await second
            assert (await reply.chunk(), host.total) == (b"ok", 2)
            assert first.cancelled()
            reply.close()
            await h1.close()

    run(main())


def test_at_the_cap_a_kept_connection_makes_room(run: Run) -> None:
    async def pieces():
        yield b"streamed"

    async def main() -> None:
        async with hosting(always(OK)) as host:
            h1 = H1("http", "127.0.0.1", host.port, limit=1)
            await whole(h1, post())
            # A body that cannot be sent twice never takes the risk of a kept connection.
            assert await whole(h1, post(pieces()), Waits(connect=0.2)) == (200, b"ok")
            assert host.total == 2
            await h1.close()

    run(main())


def test_closing_ends_requests_in_every_state_and_refuses_new_ones(run: Run) -> None:
    async def script(wire: Wire) -> None:
        received = await wire.request()
        if b"/stream" in received.line:
            wire.write(STREAM)
        await wire.left()

    async def main() -> None:
        async with hosting(script) as host:
            h1 = H1("http", "127.0.0.1", host.port, limit=2)
            stream = await h1.send(get(b"/stream"), Waits())
            asking = asyncio.create_task(error_of(h1.send(get(b"/"), Waits())))
            waiting = asyncio.create_task(error_of(h1.send(get(b"/"), Waits())))
            await asyncio.sleep(0.02)
            reading = asyncio.create_task(error_of(stream.chunk()))
            await asyncio.sleep(0.02)
            now = asyncio.get_running_loop().time()
            await h1.close()
            async with asyncio.timeout(0.5):
                assert [error.reason for error in await asyncio.gather(asking, waiting, reading)] == ["disconnect"] * 3
            await host.saw_us_leave(now, times=2)
            assert (await error_of(h1.send(get(), Waits()))).reason == "disconnect"
            assert host.total == 2

    run(main())
