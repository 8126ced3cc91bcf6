"""The one Litestar app of the process: a root mount for the data plane, exact handlers for the control plane.

Nothing here depends on the file: what reloads is data of the generation, which handlers find in the ASGI scope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from litestar import Litestar, asgi
from litestar.exceptions import HTTPException
from litestar.types import Receive, Scope, Send

from engine.chat import Problem
from engine.serve.control import Status, handlers, misfit
from engine.serve.exchange import Exchange
from engine.serve.showing import refused, showing
from engine.serve.steps.memory import Memories

if TYPE_CHECKING:
    from litestar.types import HTTPScope

    from engine.observe.records import Records
    from engine.serve.gate import Gate
    from engine.serve.panel import Panel
    from engine.serve.recall import Recall
    from engine.serve.sockets.registry import Sockets
    from engine.serve.stored import Responses


def make_app(
    records: Records,
    status: Status,
    recall: Recall,
    responses: Responses,
    gate: Gate,
    sockets: Sockets,
    panel: Panel,
    file: str,
) -> Litestar:
    """Return the app. Every model endpoint, /v1/models and every `pass` route go through the one mount.

    `file` is what /health calls the file.
    """

    memories = Memories()

    @asgi("/", is_mount=True, copy_scope=False)
    async def data_plane(scope: Scope, receive: Receive, send: Send) -> None:
        await Exchange(
            cast("HTTPScope", scope), receive, send, records, recall, responses, gate, sockets, memories
        ).run()

    return Litestar(
        route_handlers=[data_plane, *handlers(status, gate, file), *showing(panel)],
        openapi_config=None,
        logging_config=None,
        cors_config=None,
        exception_handlers={HTTPException: misfit, Problem: refused},
    )
