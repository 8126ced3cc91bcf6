"""Errors as the vendors' Python SDKs see them: the right class, raised in streams too, and no tries multiplied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import anthropic as anthropic_sdk
import openai as openai_sdk
import pytest

from tests.support.apis import CHAT, MESSAGES
from tests.support.script import CUT, as_json, as_stream
from tests.support.sdks import ADA, HI, SDK_FILE

if TYPE_CHECKING:
    from anthropic import Anthropic
    from openai import OpenAI

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(SDK_FILE.format(openai=_openai.url, anthropic=_anthropic.url))


@pytest.fixture(scope="module")
def gpt(turnout: Turnout) -> Iterator[OpenAI]:
    with openai_sdk.OpenAI(base_url=f"{turnout.url}/v1", api_key=ADA, max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture(scope="module")
def claude(turnout: Turnout) -> Iterator[Anthropic]:
    with anthropic_sdk.Anthropic(base_url=turnout.url, api_key=ADA, max_retries=0, timeout=10) as client:
        yield client


CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
}


@pytest.mark.parametrize("status", [400, 404, 409, 422, 429, 500])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_an_upstreams_error_is_the_sdks_class(
    gpt: OpenAI, claude: Anthropic, openai: Upstream, anthropic: Upstream, sdk: str, status: int
) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "upstream says no", "code": "no"}}
    for upstream in (openai, anthropic):
        upstream.script(as_json(error, status))
    module: Any = openai_sdk if sdk == "openai" else anthropic_sdk
    ask = {
        "openai": lambda: gpt.chat.completions.create(model="upstream-chat", messages=HI),
        "anthropic": lambda: claude.messages.create(model="upstream-claude", max_tokens=9, messages=HI),
    }
    with pytest.raises(getattr(module, CLASSES[status]), match="upstream says no"):
        ask[sdk]()


def test_turnouts_own_errors_are_the_sdks_classes(gpt: OpenAI, claude: Anthropic) -> None:
    with pytest.raises(openai_sdk.NotFoundError) as missing:
        gpt.chat.completions.create(model="echo-chta", messages=HI)
    assert (missing.value.code, "echo-chat" in str(missing.value)) == ("model_not_found", True)
    with pytest.raises(openai_sdk.PermissionDeniedError):
        gpt.chat.completions.create(model="secret", messages=HI)
    with pytest.raises(openai_sdk.AuthenticationError):
        gpt.with_options(api_key="sk-unknown-unknown-unknown").models.list()
    with pytest.raises(openai_sdk.BadRequestError) as bad:
        gpt.chat.completions.create(model="echo-chat", messages="Hi")  # type: ignore[call-overload]  # a mistake
    assert bad.value.param == "messages"
    with pytest.raises(anthropic_sdk.NotFoundError):
        claude.messages.create(model="echo-chta", max_tokens=9, messages=HI)
    with pytest.raises(anthropic_sdk.PermissionDeniedError):
        claude.messages.create(model="secret", max_tokens=9, messages=HI)
    with pytest.raises(anthropic_sdk.AuthenticationError):
        claude.with_options(api_key="sk-unknown-unknown-unknown").messages.create(
            model="echo-claude", max_tokens=9, messages=HI
        )


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_an_error_in_the_stream_is_raised(
    gpt: OpenAI, claude: Anthropic, openai: Upstream, anthropic: Upstream, sdk: str
) -> None:
    """The connection to the upstream breaks after content: the SDK must not take it for the end."""
    if sdk == "openai":
        openai.script(as_stream([*CHAT.parted()[0], CUT]))
        with pytest.raises(openai_sdk.APIError):
            list(gpt.chat.completions.create(model="upstream-chat", messages=HI, stream=True))
    else:
        anthropic.script(as_stream([*MESSAGES.parted()[0], CUT]))
        with pytest.raises(anthropic_sdk.APIError):
            list(claude.messages.create(model="upstream-claude", max_tokens=9, messages=HI, stream=True))


@pytest.mark.parametrize(("model", "requests"), [("upstream-chat", 3), ("patient-chat", 2)])
def test_the_sdks_do_not_multiply_our_tries(turnout: Turnout, openai: Upstream, model: str, requests: int) -> None:
    """The SDK makes three tries of its own where Turnout made one, and none after Turnout has made two."""
    openai.answer = lambda _: as_json({"error": {"message": "oops", "type": "server_error"}}, 500)
    with (
        openai_sdk.OpenAI(base_url=f"{turnout.url}/v1", api_key=ADA, max_retries=2, timeout=10) as client,
        pytest.raises(openai_sdk.InternalServerError),
    ):
        client.chat.completions.create(model=model, messages=HI)
    assert len(openai.requests) == requests
