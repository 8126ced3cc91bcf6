"""The whole of proxy.yaml as frozen Structs; reads like the file. Each section has a file of its own in `sections`.

What the user wrote: names are still strings, durations still carry their units. `plan.compile` resolves them.
Every field has a description, because `schema/proxy.schema.json` is written from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, Union

from msgspec import Meta

from engine.config.sections.base import Name, Section, Word
from engine.config.sections.keys import Key
from engine.config.sections.limits import Limit
from engine.config.sections.models import Defaults, Model
from engine.config.sections.observe import Observe
from engine.config.sections.prices import Price
from engine.config.sections.routes import Route
from engine.config.sections.server import Base, Server
from engine.config.sections.state import State
from engine.upstreams import KINDS

if TYPE_CHECKING:
    from engine.upstreams.base import Options

    Upstream: TypeAlias = Options
else:
    Upstream = Union[KINDS]  # noqa: UP007 - the tuple is the registry


class Document(Section, frozen=True, kw_only=True):
    """proxy.yaml"""

    version: Annotated[Literal[1], Meta(description="The version of this format")] = 1
    server: Annotated[Server, Meta(description="Where Turnout listens and what it lets in")] = Server()
    upstreams: Annotated[dict[Name, Upstream], Meta(description="Where requests can go, by name")] = {}
    defaults: Annotated[Defaults, Meta(description="What holds unless an entry says otherwise")] = Defaults()
    models: Annotated[
        dict[str, Word | Model],
        Meta(
            description="Names clients may ask for; `*` in a name carries over to its targets. Short form: one target"
        ),
    ] = {}
    routes: Annotated[list[Route], Meta(description="Rules, read from the top; the first that matches decides")] = []
    bases: Annotated[dict[Name, Base], Meta(description="Other base URLs, by name")] = {}
    limits: Annotated[
        dict[Name, Limit], Meta(description="How much may be asked, by name; each counts where it is named")
    ] = {}
    keys: Annotated[
        dict[Name, Key], Meta(description="Who may call, by name; `anonymous` is who sends no credential")
    ] = {}
    prices: Annotated[
        dict[Word, Price],
        Meta(description="What models cost, by upstream/model or by model name; `*` is any run of characters"),
    ] = {}
    include: Annotated[list[str], Meta(description="Further files or globs, relative to this one")] = []
    state: Annotated[State, Meta(description="What is kept between requests, and where")] = State()
    observe: Annotated[Observe, Meta(description="What Turnout tells about itself")] = Observe()


INCLUDABLE = ("upstreams", "models", "routes", "bases", "limits", "keys", "prices")
"""The sections an included file may hold (rule C1)."""
