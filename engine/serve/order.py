"""What a client asked, ready to be sent to any target of the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.clients.quirks import session_of
from engine.dialects import CLIENTS, OWNERS
from engine.dialects.translate import read, tied
from engine.serve.steps.prompt import told

if TYPE_CHECKING:
    from engine.chat import Api, Headers, Request
    from engine.clients.profile import Profile
    from engine.dialects.base import Dialect, Peek
    from engine.plan.nodes import Decision, Target
    from engine.serve.continued import Continued
    from engine.serve.guard import Guard
    from engine.serve.recall import Recall
    from engine.serve.reply import Visit
    from engine.serve.stored import Responses
    from engine.upstreams.base import Options
    from engine.upstreams.turn import Turn


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a client."""

    visit: Visit
    decision: Decision
    dialect: Dialect
    api: Api
    form: Api
    """The API whose request `body` is."""
    peek: Peek
    body: bytes
    """As the client sent it."""
    path: str
    query: bytes
    sent: Headers
    """As the client sent them."""
    headers: Headers
    """Already filtered (rule T4)."""
    credential: Headers
    caller: str
    """Who asks: the name of the key, and for anonymous callers what tells one from another."""
    faults: str | None
    recall: Recall
    responses: Responses
    continued: Continued
    """What the request goes on from."""
    guard: Guard | None = None
    """Who asks the limits of each try, where the file has any."""
    client: Profile | None = None
    """Which program asks, where it is one that is known."""
    turn: Turn | None = None
    """What it says beside its body, where it came over a WebSocket."""
    sealed: bool = False
    """The body may carry reasoning under our own seal (engine.dialects.seal)."""
    started: float
    """By the loop's clock."""
    borrowed: list[bool] = msgspec.field(default_factory=list)
    """Not empty once it is known what other processes keep of the conversation."""
    _request: list[Request] = msgspec.field(default_factory=list)

    def request(self) -> Request:
        """Return the conversation in no vendor's form, read once. Raises `Problem` (400)."""
        if not self._request:
            request = told(read(CLIENTS[self.form], self.body), self.decision, self.form)
            self._request.append(tied(request, session_of(self.client, self.headers, self.peek.fields)))
        return self._request[0]

    def input_tokens(self) -> int:
        """Return our own estimate of the input."""
        return OWNERS[self.form].depth(self.form, self.body).input_tokens

    def options(self, target: Target) -> Options:
        """Return the options of the upstream of `target`."""
        return self.visit.generation.plan.upstreams[target.upstream].options

    def shown_model(self, target: Target) -> str:
        """Return the model name that an answer of `target` carries."""
        asked = self.visit.generation.plan.document.server.answer_model == "asked"
        return self.peek.model if asked else target.model
