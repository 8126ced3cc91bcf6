"""What ASGI cannot see: how large and how slow a request head is, upgrades, codings, and that a client has left.

A subclass of uvicorn's httptools protocol (0.54). httptools itself limits neither the size of a head nor its time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.chat import Problem
from engine.serve.corked import Corked
from engine.serve.drip import LEAST, Drip
from engine.serve.ending import ending
from engine.serve.heading import check_codings, follow_target, head_too_large, invalid
from engine.serve.refusal import last_words, refusal
from engine.serve.reply import Visit
from engine.serve.sockets.upgrade import EXTENSION, Upgrade, wanted
from engine.transport.hangup import EVERY, hung_up
from engine.transport.stall import Stall

if TYPE_CHECKING:
    from litestar.types import HTTPScope
    from uvicorn._types import ASGI3Application
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from engine.serve.sockets.client import ClientWire
    from engine.serve.switch import Switch

HEAD_LIMIT = 64 * 1024
"""Bytes of request line and headers. Agents send about 2 KB."""
HEAD_SECONDS = 10.0
"""From the first byte of a head to its end; also how long a connection may wait for its first request."""
LINGER = 5.0
"""How long the rest of a body is read and dropped once it has been refused. Closing at once would reset the
connection, and a client that still writes would never read why."""
LATECOMER = 1.0
"""How long a connection that was on its way as the server began to stop (a handshake) may take to ask something."""
BODIED = frozenset({b"content-length", b"transfer-encoding"})
"""The fields of a request behind which a body may come."""
NOWHERE = cast("list[tuple[bytes, bytes]]", deque(maxlen=0))
"""Where trailers go."""


class Protocol(HttpToolsProtocol):
    """One client connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._switch = cast("Switch", self.app)
        self.url = b""
        self._head_size = 0
        self._piece = 0
        """How much the read that is being parsed brought."""
        self._in_head = False
        self._fed = False
        """The read that is being parsed brought some of a body."""
        self._between = 0
        """How much came since then that is none of a body."""
        self._head_timer: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._hark: asyncio.TimerHandle | None = None
        """Set while reading is paused, and so a client that leaves is not heard."""
        self._last = False
        """No request comes after this one: the server stops."""
        self._left = False
        """Nothing is said or heard here any more."""
        self._running: RequestResponseCycle | None = None
        """The cycle whose task runs; `self.cycle` may already be the next one of a pipeline."""
        self._upgrade: Upgrade | None = None
        """What the request whose head is being read asks for."""
        self._early = bytearray()
        """What came behind such a head, before it was answered: frames, if it is taken."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._stall = Stall(transport, self.loop, self._patience, self._stalled)
        self.transport = cast("asyncio.Transport", Corked(transport, self.loop, self._stall))
        self._drip = Drip(self.loop, self._body_patience, self._holds, self._dripped)
        self._await_head()
        if self._switch.gate.closed:
            self._last = True
            self.loop.call_later(LATECOMER, self._end_if_idle)

    def shutdown(self) -> None:
        """Take no further request. One whose head is on its way is let come."""
        self._last = True
        if not self._in_head or not self._head_size:
            super().shutdown()

    def _end_if_idle(self) -> None:
        if not self.transport.is_closing():
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn leaves it running after a reset
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            visit = cast("dict[str, Any]", running.scope).get("turnout")
            if visit is not None and visit.task is not None:  # else it has not begun, and finds out when it reads
                visit.gone = True
                visit.task.cancel()

    def _rest(self) -> None:
        """Stop every clock."""
        self._end_head()
        self._end_linger()
        self._drip.forget()
        if self._hark is not None:
            self._hark.cancel()
        self._unset_keepalive_if_required()
        self._stall.forget()
        self._end_upgrade()

    def _end_upgrade(self) -> None:
        if self._upgrade is not None:
            self._upgrade.forget()
            self._upgrade = None

    def _hand_over(self, head: bytes, wire: ClientWire) -> None:
        """Send the head that says so, and let go of the connection: `wire` speaks on it from now on."""
        running = self._running
        assert running is not None
        transport = cast("Corked", self.transport).bare
        if transport.is_closing() or running.more_body or self.pipeline or self._head_size:
            transport.abort()  # it has sent what is neither HTTP any more nor a frame yet
            wire.connection_lost(None)
            return
        running.response_started = running.response_complete = True
        self.connections.discard(self)
        self._rest()
        self.parser = cast("Any", None)  # they know each other, and nobody tells either that it is over
        transport.write(head)
        early, self._early = bytes(self._early), bytearray()
        wire.hand_over(transport, cast("set[object]", self.connections), early)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall.begin()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._stall.end()

    def data_received(self, data: bytes) -> None:
        if self._left:
            return
        if self._upgrade is not None and not self.cycle.more_body:
            self._wait(data)
            return
        self._piece = len(data)
        if self._in_head:
            self._head_size += self._piece
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            told = error.__context__  # what a callback raised
            self._refuse(told if isinstance(told, Problem) else invalid("this is not a valid HTTP/1.1 request"))
        if self._in_head:
            if self._head_size > HEAD_LIMIT:
                self._refuse(head_too_large(HEAD_LIMIT))
            elif self._head_timer is None:  # a head that came in one piece, as they do, needs none
                self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)
        elif self.cycle is not None and self.cycle.more_body:
            self._in_body()
        if self.flow.read_paused and self._hark is None:
            self._hark = self.loop.call_later(EVERY, self._listen)

    def _wait(self, data: bytes | memoryview) -> None:
        """Keep what comes until it is known who reads it."""
        self._early += data
        if len(self._early) > HEAD_LIMIT:
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        size = self._head_size
        self._end_head()
        self._in_head = True
        self._head_size = max(size, 1)

    def on_headers_complete(self) -> None:
        read = self._head_size + self._piece
        self._end_head()
        if read > HEAD_LIMIT // 2:  # else there is no need to count
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > HEAD_LIMIT:
                raise head_too_large(HEAD_LIMIT)
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        if codings and codings != [b"chunked"]:
            check_codings(codings)
        if self.parser.should_upgrade():
            return  # `_parse` begins this one anew
        if not self.url.startswith(b"/"):
            follow_target(self.url, self.headers)
        if self.expect_100_continue and self.parser.get_http_version() < "1.1":
            self.expect_100_continue = False  # as RFC 9110, 10.1.1 has it: such a client does not wait
        if self._upgrade is not None and not self.pipeline:
            self.scope["extensions"] = cast("Any", {EXTENSION: self._upgrade})
        super().on_headers_complete()
        if self._last:
            self.cycle.keep_alive = False
        self.headers = NOWHERE  # what comes later is a trailer, and no header of the request
        if self.expect_100_continue:
            # Should it be refused first, nobody knows whether its body or the next request comes then.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._fed = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        if self._linger is not None:
            self._end_linger()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        elif self.expect_100_continue and not self.cycle.response_started:
            self.cycle.keep_alive = self.parser.should_keep_alive()
        super().on_message_complete()
        self._drip.end()
        self.url = b""  # what comes next may be no request at all, and is none for this
        if not self.pipeline:
            self.flow.resume_reading()  # a large body has paused it, and paused we would not see the client leave

    def on_response_complete(self) -> None:
        answered = self._running
        super().on_response_complete()
        self._drip.end()
        self._end_upgrade()
        if self._early:
            early, self._early = bytes(self._early), bytearray()
            self.loop.call_soon(self.data_received, early)
        if answered is not None and answered.more_body and not self.transport.is_closing():
            self._linger = self.loop.call_later(LINGER, self.transport.close)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        if not cycle.keep_alive or cycle.waiting_for_100_continue:
            app = ending(app, cycle, self._leave)
        super()._start_asgi_task(cycle, app)

    def _parse(self, data: bytes) -> None:
        """Parse what came. Raises `HttpParserError`.

        A request with an `Upgrade` is one like any other (RFC 9110, 7.8), and its answer may take it; but llhttp
        passes over the body of a request that has one, and would read it as the next request. So a new parser is given
        the same head without that field, and then what followed it.
        """
        rest: bytes | memoryview = data
        while True:
            try:
                self.parser.feed_data(rest)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if self.transport.is_closing():
                    return
                method, version = self.parser.get_method(), self.parser.get_http_version().encode()
                if method == b"CONNECT":  # an upgrade by its very name
                    self._refuse(invalid("this is no forward proxy: it takes no CONNECT"))
                    return
                idle = self._running is None or self._running.response_complete
                if method == b"GET" and version >= b"1.1" and idle and wanted(self.headers):
                    self._upgrade = Upgrade(self.headers, self._hand_over)
                bodied = any(name in BODIED for name, _ in self.headers)
                fields = [b"%s: %s\r\n" % field for field in self.headers if field[0] != b"upgrade"]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
                self.parser.feed_data(b"%s %s HTTP/%s\r\n%s\r\n" % (method, self.url, version, b"".join(fields)))
                rest = memoryview(rest)[upgrade.args[0] :]
                if self._upgrade is not None and not bodied:
                    self._wait(rest)
                    return

    def _await_head(self) -> None:
        self._end_head()
        self._in_head = True
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _end_head(self) -> None:
        self._in_head, self._head_size = False, 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_linger(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None

    def _patience(self) -> float:
        return self._switch.generation.plan.send_timeout

    def _in_body(self) -> None:
        """Watch a body that is not whole: how fast it comes, and how much comes that is none of it."""
        self._between = 0 if self._fed else self._between + self._piece
        self._fed = False
        if self._between > HEAD_LIMIT and self.cycle.response_complete:
            self.transport.close()
        elif self._between > HEAD_LIMIT:
            self._refuse(invalid(f"the chunk extensions or trailers of the body are larger than {HEAD_LIMIT} bytes"))
        elif not self.cycle.response_complete:
            self._drip.more(self._piece)

    def _body_patience(self) -> float:
        return self._switch.generation.plan.body_timeout

    def _holds(self) -> bool:
        """Say whether it is for us that no more of the body comes."""
        return self.flow.read_paused or self.cycle.waiting_for_100_continue

    def _dripped(self, seconds: float) -> None:
        told = f"the request body brought less than {LEAST // 1024} KB in {seconds:g} s (server.body_timeout)"
        self._refuse(Problem(408, "request_timeout", told), seconds)

    def _stalled(self, seconds: float) -> None:
        """Say of the request that runs why its connection ends now."""
        running = self._running
        if running is not None and not running.response_complete:
            visit = cast("dict[str, Any]", running.scope).get("turnout")
            if visit is not None:
                told = f"the client took nothing of its answer for {seconds:g} s (server.send_timeout)"
                visit.refused = Problem(499, "client_stalled", told)

    def _listen(self) -> None:
        self._hark = None
        if not self.flow.read_paused or self.transport.is_closing():
            return
        if hung_up(self.transport.get_extra_info("socket").fileno()):
            self.transport.abort()
        else:
            self._hark = self.loop.call_later(EVERY, self._listen)

    def _leave(self) -> None:
        """Close in two steps: say that nothing more will come, and drop what the client has yet to write."""
        if self._left or self.transport.is_closing():
            return
        self._left = True
        self._drip.end()
        self._end_head()
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self._linger is None:
            self._linger = self.loop.call_later(LINGER, self.transport.close)

    def _too_slow(self) -> None:
        self._head_timer = None
        if self._head_size == 0:
            self.transport.close()  # nothing was ever sent: a connection opened ahead of need
        else:
            told = f"the request head did not arrive within {HEAD_SECONDS:g} seconds"
            self._refuse(Problem(408, "request_timeout", told), HEAD_SECONDS)

    def _refuse(self, problem: Problem, seconds: float = 0.0) -> None:
        """Answer without ASGI, in the form of the API as far as the request line tells, and close."""
        self._end_head()
        if self._left or self.transport.is_closing():
            return
        running = self._running
        visit = Visit(self._switch.generation, self.loop)
        scope = cast("HTTPScope", {"raw_path": self.url, "headers": self.headers or []})
        if running is not None and not running.response_complete:
            if running.response_started or not running.more_body:
                self.transport.close()  # another answer comes before this one: nothing can be put in between
                return
            running.disconnected = True  # its own body is what cannot be read: this is its answer
            running.message_event.set()
            scope = cast("HTTPScope", running.scope)
            visit = cast("dict[str, Any]", scope).setdefault("turnout", visit)
            visit.refused = problem
        if visit.task is None:  # else its exchange tells how it ended
            method = self.parser.get_method().decode() if self.url else ""
            self._switch.records.request(refusal(visit, method, self.url, problem, seconds))
        self.transport.write(last_words(visit, scope, problem))
        self._leave()
