"""A Valkey that is away, slow, full, locked, moved or has forgotten everything; and processes that die."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from typing import TYPE_CHECKING

import pytest
import redis
import trustme

from engine.store.base import Claim, StoreDown
from engine.store.link import WAIT, Link
from engine.store.redis import PASSED, RedisStore
from tests.support.valkey import Valkey, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

PREFIX = "edge"


class Log:
    """What is said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, level: str, text: str) -> None:
        self.lines.append((level, text))

    def errors(self) -> list[str]:
        return [text for level, text in self.lines if level == "error"]


@contextlib.asynccontextmanager
async def opened(
    url: str, log: Log | None = None, *, closed: bool = False, ca: str | None = None
) -> AsyncIterator[RedisStore]:
    link = Link(url, ca, "so what", log or Log(), f"{{{PREFIX}}}:probe")
    store = RedisStore(link, PREFIX, closed=closed)
    try:
        yield store
    finally:
        await store.close()
        await link.close()
        await asyncio.sleep(0)
        await until(lambda: not store._tasks)
        assert link._probing is None


async def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not come true"
        await asyncio.sleep(0.01)


def window(key: str = "w", most: int = 5) -> Claim:
    return Claim(key=key, kind="window", most=most, cost=1, span=600.0)


def lease(key: str = "l", most: int = 2, span: float = 15.0) -> Claim:
    return Claim(key=key, kind="lease", most=most, cost=1, span=span)


async def remaining(store: RedisStore, claim: Claim) -> int:
    """Return what is left, without taking any."""
    verdict = await store.admit([claim])
    if verdict.ticket is None:
        return verdict.left[0].remaining
    await store.refund(verdict.ticket)
    return verdict.left[0].remaining + 1


def test_a_killed_server_is_passed_by_until_it_is_back_and_that_is_said_once(valkey: Valkey) -> None:
    async def play() -> None:
        log = Log()
        async with opened(valkey.url, log) as store:
            ticket = (await store.admit([window(), lease()])).ticket
            assert ticket is not None
            valkey.kill()
            verdicts = await asyncio.gather(*(store.admit([window()]) for _ in range(50)))
            verdicts += [await store.admit([window()]) for _ in range(1000)]
            assert set(map(id, verdicts)) == {id(PASSED)}
            assert store.link.failures == 1050
            assert store.link.down_since is not None
            await store.settle(ticket, [1, None])
            await store.release(ticket)
            assert len(log.errors()) == 1
            valkey.start()
            await until(lambda: not store.link.down)
            assert (await store.admit([window()])).left[0].remaining == 4  # it has forgotten
            assert [level for level, _ in log.lines] == ["error", "info"]
            assert "is back after" in log.lines[1][1]

    asyncio.run(play())


def test_closed_refuses_at_once_while_it_is_away(valkey: Valkey) -> None:
    async def play() -> None:
        async with opened(valkey.url, closed=True) as store:
            await store.admit([window()])
            valkey.kill()
            for _ in range(100):
                with pytest.raises(StoreDown) as caught:
                    await store.admit([window()])
                assert 0 < caught.value.retry_after <= 2

    asyncio.run(play())


def test_a_server_that_is_not_there_at_the_start_is_used_once_it_comes(valkey: Valkey) -> None:
    valkey.kill()

    async def play() -> None:
        log = Log()
        async with opened(valkey.url, log) as store:
            store.link.open()
            await until(lambda: store.link.down)
            assert await store.admit([window()]) is PASSED
            valkey.start()
            await until(lambda: not store.link.down)
            assert (await store.admit([window()])).ticket is not None
            assert len(log.errors()) == 1

    asyncio.run(play())


def test_a_frozen_server_costs_one_wait_and_not_one_per_request(valkey: Valkey) -> None:
    async def play() -> None:
        async with opened(valkey.url) as store:
            await store.admit([window()])
            valkey.freeze()
            began = asyncio.get_running_loop().time()
            assert await store.admit([window()]) is PASSED
            waited = asyncio.get_running_loop().time() - began
            assert waited >= WAIT * 0.9
            assert store.link.down
            for _ in range(1000):
                assert await store.admit([window()]) is PASSED
            assert store.link.down
            valkey.thaw()
            await until(lambda: not store.link.down)
            # What it was asked while it was frozen it may have done: that errs low.
            assert (await store.admit([window()])).left[0].remaining <= 3

    asyncio.run(play())


def test_leases_that_a_restarted_server_forgot_are_known_to_it_again(valkey: Valkey) -> None:
    async def play() -> None:
        async with opened(valkey.url) as store:
            held = [(await store.admit([lease(most=3)])).ticket for _ in range(2)]
            valkey.kill()
            assert await store.admit([lease(most=3)]) is PASSED
            valkey.start()
            client = valkey.client()
            await until(lambda: client.zcard(f"{{{PREFIX}}}:lease:l") == 2)
            assert await remaining(store, lease(most=3)) == 1
            for ticket in held:
                assert ticket is not None
                await store.release(ticket)
            assert await remaining(store, lease(most=3)) == 3

    asyncio.run(play())


def test_leases_live_as_long_as_their_process_and_no_longer(valkey: Valkey) -> None:
    async def play() -> None:
        span = 0.9
        async with opened(valkey.url) as store:
            async with opened(valkey.url) as other:
                tickets = [(await other.admit([lease(span=span)])).ticket for _ in range(2)]
                assert all(tickets)
                for _ in range(30):
                    await asyncio.sleep(span / 10)
                    assert (await store.admit([lease(span=span)])).refused == (0,)
            # the other is gone without a word
            assert (await store.admit([lease(span=span)])).refused == (0,)
            began = time.monotonic()
            while (await store.admit([lease(span=span)])).refused:
                await asyncio.sleep(0.02)
            assert time.monotonic() - began <= span + 5

    asyncio.run(play())


def test_one_call_renews_all_leases(valkey: Valkey) -> None:
    async def play() -> None:
        async with opened(valkey.url) as store:
            claims = [lease(f"key{number}", span=1.5) for number in range(300)]
            tickets = [(await store.admit([claim])).ticket for claim in claims]
            before = valkey.commands()
            client = valkey.client()
            await asyncio.sleep(2.0)
            after = valkey.commands()
            assert 1 <= after["evalsha"] - before["evalsha"] <= 5
            assert sum(client.zcard(f"{{{PREFIX}}}:lease:key{number}") for number in range(300)) == 300
            for ticket in tickets:
                assert ticket is not None
                await store.release(ticket)
            assert client.keys(f"{{{PREFIX}}}:lease:*") == []

    asyncio.run(play())


def test_who_leaves_while_being_admitted_takes_nothing_along(valkey: Valkey) -> None:
    async def play() -> None:
        async with opened(valkey.url) as store:
            await store.admit([window("other")])
            for pause in (0, 0, 0.0001, 0.0002, 0.0005, 0.001):
                leaving = asyncio.create_task(store.admit([window(), lease(most=20)]))
                await asyncio.sleep(pause)
                leaving.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    ticket = (await leaving).ticket
                    assert ticket is not None
                    await store.refund(ticket)
            client = valkey.client()
            await until(lambda: client.zcard(f"{{{PREFIX}}}:lease:l") == 0)
            name = f"{{{PREFIX}}}:window:w"
            await until(lambda: all(units == "0" for units in client.hgetall(name).values()))
            assert await remaining(store, window()) == 5

    asyncio.run(play())


def test_two_processes_admit_together_what_one_limit_says(valkey: Valkey) -> None:
    async def play() -> None:
        async with opened(valkey.url) as one, opened(valkey.url) as other:
            asked = [store.admit([window(most=100)]) for _ in range(500) for store in (one, other)]
            verdicts = await asyncio.gather(*asked)
            assert sum(verdict.ticket is not None for verdict in verdicts) == 100
            leased = await asyncio.gather(*(store.admit([lease(most=7)]) for _ in range(50) for store in (one, other)))
            assert sum(verdict.ticket is not None for verdict in leased) == 7

    asyncio.run(play())


def test_a_server_that_forgot_the_script_is_told_it_again(valkey: Valkey) -> None:
    async def play() -> None:
        log = Log()
        async with opened(valkey.url, log) as store:
            await store.admit([window()])
            with valkey.client() as client:
                client.script_flush()
            assert (await store.admit([window()])).left[0].remaining == 3
            assert log.lines == []

    asyncio.run(play())


def test_connections_that_the_server_closed_are_no_outage(valkey: Valkey) -> None:
    async def play() -> None:
        log = Log()
        async with opened(valkey.url, log) as store:
            await asyncio.gather(*(store.admit([window("busy", 100)]) for _ in range(20)))
            with valkey.client() as client:
                client.client_kill_filter(_type="normal", skipme=True)
            verdicts = await asyncio.gather(*(store.admit([window()]) for _ in range(5)))
            assert all(verdict.ticket for verdict in verdicts)
            assert log.lines == []

    asyncio.run(play())


def test_a_key_of_another_type_spoils_only_its_own_limit(valkey: Valkey) -> None:
    async def play() -> None:
        log = Log()
        async with opened(valkey.url, log) as store:
            with valkey.client() as client:
                client.set(f"{{{PREFIX}}}:window:odd", "mine")
                for _ in range(5):
                    assert await store.admit([window(), window("odd")]) is PASSED
                    assert (await store.admit([window("even", 100)])).ticket is not None
                assert client.get(f"{{{PREFIX}}}:window:odd") == "mine"
            assert await remaining(store, window()) == 5  # all or none
            assert len(log.errors()) == 1
            assert "WRONGTYPE" in log.errors()[0]
            assert not store.link.down

    asyncio.run(play())


@pytest.mark.parametrize(
    ("ail", "cure", "said"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), "maxmemory"),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "read only"),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0"), "replicas"),
    ],
    ids=["full", "a replica", "alone"],
)
def test_a_server_that_takes_no_writes_is_away(
    valkey: Valkey, ail: tuple[str, ...], cure: tuple[str, ...], said: str
) -> None:
    async def play() -> None:
        log = Log()
        async with opened(valkey.url, log) as store:
            await store.admit([window()])
            with valkey.client() as client:
                client.execute_command(*ail)
                for _ in range(10):
                    assert await store.admit([window()]) is PASSED
                assert len(log.errors()) == 1
                assert said in log.errors()[0].lower()
                await asyncio.sleep(1.2)
                assert store.link.down
                assert len(log.errors()) == 1
                client.execute_command(*cure)
            await until(lambda: not store.link.down)
            assert (await store.admit([window()])).ticket is not None

    asyncio.run(play())


def test_a_password_is_used_and_never_said(tmp_path: Path) -> None:
    valkey = Valkey(tmp_path, password="hunter2secret")

    async def play() -> None:
        log = Log()
        async with opened(valkey.url, log) as store:
            assert (await store.admit([window()])).ticket is not None
            assert "hunter2" not in store.link.place
        async with opened(valkey.url.replace("hunter2", "hunter3"), log) as store:
            assert await store.admit([window()]) is PASSED
        async with opened(valkey.url.replace(":hunter2secret@", ""), log) as store:
            assert await store.admit([window()]) is PASSED
        valkey.kill()
        async with opened(valkey.url, log) as store:
            assert await store.admit([window()]) is PASSED
        assert len(log.errors()) == 3
        assert "hunter" not in str(log.lines)

    try:
        asyncio.run(play())
    finally:
        valkey.kill()


def test_tls_is_checked_against_the_ca(valkey: Valkey) -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.issue_cert("localhost").configure_cert(context)

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def terminate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = await asyncio.open_connection("127.0.0.1", valkey.port)
        await asyncio.gather(pipe(reader, behind[1]), pipe(behind[0], writer))

    async def play() -> None:
        server = await asyncio.start_server(terminate, "127.0.0.1", 0, ssl=context)
        url = f"rediss://localhost:{server.sockets[0].getsockname()[1]}/0"
        log = Log()
        for ca, trusted in ((ours, True), (theirs, False), (None, False)):
            pem = ca.cert_pem.bytes().decode() if ca else None
            link = Link(url, pem, "so what", log)
            store = RedisStore(link, PREFIX)
            assert ((await store.admit([window()])).ticket is not None) is trusted
            await store.close()
            await link.close()
        assert len(log.errors()) == 2
        assert all("certificate" in text.lower() for text in log.errors())
        server.close()

    asyncio.run(play())


def test_a_unix_socket_is_spoken_to(tmp_path: Path) -> None:
    valkey = Valkey(tmp_path, "--unixsocket", "s")

    async def play() -> None:
        async with opened(f"unix://{tmp_path}/s?db=3") as store:
            assert (await store.admit([window()])).ticket is not None
        with redis.Redis(unix_socket_path=f"{tmp_path}/s", db=3) as client:
            assert client.keys()

    try:
        asyncio.run(play())
    finally:
        valkey.kill()


def test_a_cluster_is_followed_to_the_node_that_has_our_keys(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    buses = [free_port() for _ in "ab"]
    nodes = [
        Valkey(tmp_path / name, "--cluster-enabled", "yes", "--cluster-port", str(bus))
        for name, bus in zip("ab", buses, strict=True)
    ]
    slots = ("0", "8000"), ("8001", "16383")
    try:
        for node, (first, last) in zip(nodes, slots, strict=True):
            with node.client() as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, buses[0])

        def joined(node: Valkey) -> bool:
            with node.client() as client:
                return "cluster_state:ok" in client.execute_command("CLUSTER", "INFO")

        async def play() -> None:
            await until(lambda: all(map(joined, nodes)))
            log = Log()
            for node in nodes:
                async with opened(node.url, log) as store:
                    store.link.open()
                    claims = [window(), lease(), Claim(key="d", kind="ledger", most=9, cost=1, period="day")]
                    verdict = await store.admit(claims)
                    assert verdict.ticket is not None
                    await store.release(verdict.ticket)
            assert verdict.left[0].remaining == 3
            assert log.errors() == []

        asyncio.run(play())
    finally:
        for node in nodes:
            node.kill()


def test_every_key_goes_by_itself_and_has_the_same_tag(valkey: Valkey) -> None:
    async def play() -> None:
        async with opened(valkey.url) as store:
            short = Claim(key="short", kind="window", most=9, cost=1, span=0.5)
            day = Claim(key="day", kind="ledger", most=9, cost=1, period="day")
            month = Claim(key="month", kind="ledger", most=9, cost=1, period="month")
            verdict = await store.admit([short, window(), lease(), day, month])
            assert verdict.ticket is not None
            await store.settle(verdict.ticket, [5, 7, None, 3, 4])
            with valkey.client() as client:
                lives = {name: client.pttl(name) for name in client.scan_iter()}
                assert all(name.startswith(f"{{{PREFIX}}}:") for name in lives)
                assert 0 < lives[f"{{{PREFIX}}}:window:short"] <= 550
                assert 600_000 < lives[f"{{{PREFIX}}}:window:w"] <= 630_000
                assert 0 < lives[f"{{{PREFIX}}}:lease:l"] <= 15_002
                assert 3_600_000 < lives[f"{{{PREFIX}}}:ledger:day"] <= 25 * 3_600_000
                assert 3_600_000 < lives[f"{{{PREFIX}}}:ledger:month"] <= (31 * 24 + 1) * 3_600_000
                await until(lambda: not client.exists(f"{{{PREFIX}}}:window:short"))

    asyncio.run(play())
