"""Imports what an upstream names, once per process, and finds out what it is and what it can do.

Nothing here needs an event loop: it runs before there is one, or in a thread.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
import traceback
from typing import TYPE_CHECKING, Any

import msgspec
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable
from pydantic import ValidationError

from engine.dialects.neutral.takes import PARAMETERS, Takes
from engine.secret import Secret
from engine.upstreams.base import Unbuildable
from engine.upstreams.drivers.langchain import settings
from engine.upstreams.drivers.langchain.graph import is_graph, talks
from engine.upstreams.drivers.langchain.runnables import given, models

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.messages import BaseMessage

    from engine.upstreams.langchain import LangChain

QUIET = {"max_retries": 0, "stream_usage": True}
"""Options with which a model leaves retries to Turnout, and tells the usage of streams, unless the file says else."""


class Thing:
    """What answers."""

    def __init__(self, runnable: Runnable[Any, Any]) -> None:
        """Raise `ValueError`, saying what is wrong, where it cannot be given a conversation."""
        self.runnable = runnable
        self.graph = is_graph(runnable)
        self.given: Callable[[list[BaseMessage]], Any] = list
        if self.graph:
            if not talks(runnable):
                raise ValueError("is a graph whose state has no `messages`")
            return
        how = given(runnable)
        if isinstance(how, str):
            raise ValueError(how)
        self.given = how


class Code:
    """What a file names: a class, to be made once for each model, or something that is made already."""

    def __init__(self, options: LangChain, key: str) -> None:
        """Raise `Unbuildable`. `key` is the option that names it."""
        self._key = key
        self._path = ":".join(options.code)
        self._options: dict[str, Any] = revealed(options.options)
        self._secrets = secrets(options.options)
        self.found = imported(*options.code, key)
        if key == "embeddings":
            wanted: tuple[type, ...] = (Embeddings,)
        else:
            wanted = (BaseChatModel,) if key == "provider" else (Runnable,)
        self.made = not inspect.isclass(self.found)
        fits = isinstance(self.found, wanted) if self.made else issubclass(self.found, wanted)
        if not fits:
            raise Unbuildable("not-a-model", f"`{self._path}` {self._unlike()}", (key,), self._instead())
        if self.made and options.options:
            message = f"`{self._path}` is made already, so `options` do nothing"
            raise Unbuildable("not-a-class", message, ("options",), "name its class, or take `options` out")

    def make(self, model: str) -> Any:
        """Return what answers for `model`. Raises `Unbuildable` where the class refuses its options."""
        if self.made:
            return self.found
        options = dict(self._options)
        if issubclass(self.found, BaseChatModel):
            known = settings.names(self.found)
            options = {**{name: value for name, value in QUIET.items() if name in known}, **options}
            field = settings.model_field(self.found)
            if field is not None and not any(name in options for name in settings.MODEL):
                options[field] = model
        elif self._key == "embeddings" and "model" in fields(self.found) and "model" not in options:
            options["model"] = model
        try:
            return self.found(**options)
        except ValidationError as error:
            flaws = error.errors(include_input=False)
            told = "; ".join(f"`{'.'.join(map(str, one['loc'])) or 'options'}`: {one['msg']}" for one in flaws)
        except (Exception, SystemExit) as error:
            told = f"{type(error).__name__}: {error}"
        message = f"`{self._path}` cannot be made: {self.scrubbed(told)}"
        raise Unbuildable("bad-options", message, ("options",) if self._options else (self._key,), None)

    def takes(self, made: object = None) -> Takes:
        """Return what it can be asked; of a class, what the model `made` of it can."""
        what = f"`{self._path}`"
        if not self.made and issubclass(self.found, BaseChatModel):
            able, taken = settings.able(self.found, getattr(made, "profile", None)), settings.parameters(self.found)
            return msgspec.structs.replace(able, name="chat model", what=what, parameters=taken)
        inner = models(self.found) if self.made and not is_graph(self.found) else []
        if not inner:
            return Takes(
                name="code",
                what=what,
                tools=False,
                parallel=False,
                strict=False,
                format=False,
                parameters=frozenset(),
            )
        able = settings.both([settings.able(type(one), getattr(one, "profile", None)) for one in inner])
        shared = PARAMETERS.intersection(*(settings.parameters(type(one)) for one in inner))
        return msgspec.structs.replace(able, name="runnable", what=what, parameters=shared)

    def scrubbed(self, text: str) -> str:
        """Return `text` without the secrets among the options."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _unlike(self) -> str:
        kind = "a class" if not self.made else f"of type `{type(self.found).__name__}`"
        wanted = "embeddings" if self._key == "embeddings" else "a chat model, a runnable or a compiled graph"
        return f"is {kind}, and not {wanted}"

    def _instead(self) -> str:
        other = Runnable if self._key == "embeddings" else Embeddings
        if isinstance(self.found, other) if self.made else issubclass(self.found, other):
            return "write it as `object`" if self._key == "embeddings" else "write it as `embeddings`"
        if hasattr(self.found, "compile") and self.made:
            return "compile the graph: `name = builder.compile()`"
        return "name a BaseChatModel class, or an object that is a Runnable"


def fields(kind: Any) -> set[str]:
    """Return the options of a class of embeddings."""
    own = getattr(kind, "model_fields", None)
    if own is not None:
        return {name for key, field in own.items() for name in (key, field.alias) if name}
    return set(inspect.signature(kind).parameters)


def imported(module: str, name: str, key: str) -> Any:
    """Return what is called `name` in `module`. Raises `Unbuildable`."""
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            package = module.partition(".")[0].replace("_", "-")
            help_ = f"`pip install {package}` into Turnout's environment, or put it beside the file or on PYTHONPATH"
            raise Unbuildable("no-module", f"there is no module `{error.name}`", (key,), help_) from None
        raise broken(module, key, error) from None
    except (Exception, SystemExit) as error:
        raise broken(module, key, error) from None
    try:
        return getattr(found, name)
    except AttributeError:
        close = difflib.get_close_matches(name, [one for one in dir(found) if not one.startswith("_")], 1)
        help_ = f"did you mean `{close[0]}`?" if close else "name something that it defines"
        raise Unbuildable("no-such-name", f"module `{module}` has no `{name}`", (key,), help_) from None


def broken(module: str, key: str, error: BaseException) -> Unbuildable:
    """Say that a module cannot be imported, and where it breaks."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    said = str(error).splitlines()[0] if str(error) else ""
    message = f"importing `{module}` fails: {type(error).__name__}{': ' if said else ''}{said}{place}"
    for partial in [name for name in sys.modules if name == module or name.startswith(f"{module}.")]:
        del sys.modules[partial]
    return Unbuildable("broken-import", message, (key,), "mend it, and save the file again")


def revealed(value: Any) -> Any:
    """Return options with the secrets themselves."""
    if isinstance(value, dict):
        return {key: revealed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [revealed(inner) for inner in value]
    return value.reveal() if isinstance(value, Secret) else value


def secrets(value: Any) -> list[str]:
    """Return the secrets in options."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value.reveal()] if isinstance(value, Secret) and len(value.reveal()) >= 8 else []
    return own + [secret for one in inner for secret in secrets(one)]
