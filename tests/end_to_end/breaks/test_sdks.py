"""The vendors' SDKs read a stream that was carried on as one message: its text is all that both targets said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.end_to_end.breaks.house import PAIRS, breaking

if TYPE_CHECKING:
    from tests.end_to_end.breaks.house import House
    from tests.support.apis import Api

EACH = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].name}-{pair[1].name}")
HI: Any = [{"role": "user", "content": "Hi"}]
TEXT = "Once upon a time there was a turnout."


def scripted(house: House, pair: tuple[Api, Api]) -> str:
    """Have the first target break; return the model to ask for."""
    one, two = pair
    house.first.script(breaking(one, ("Once upon", " a ti")))
    house.second.script(two.stream("me there was", " a turnout."))
    return f"{one.name}-{two.name}"


@pytest.fixture
def openai_sdk(house: House) -> OpenAI:
    return OpenAI(base_url=f"{house.turnout.url}/v1", api_key="none", max_retries=0)


@EACH
def test_openais_chat(house: House, openai_sdk: OpenAI, pair: tuple[Api, Api]) -> None:
    model = scripted(house, pair)
    with openai_sdk.chat.completions.stream(model=model, messages=HI) as stream:
        completion = stream.until_done().get_final_completion()
    assert (completion.choices[0].message.content, completion.choices[0].finish_reason) == (TEXT, "stop")


@EACH
def test_openais_responses(house: House, openai_sdk: OpenAI, pair: tuple[Api, Api]) -> None:
    model = scripted(house, pair)
    with openai_sdk.responses.stream(model=model, input="Hi") as stream:
        response = stream.until_done().get_final_response()
    assert (response.output_text, response.status, len(response.output)) == (TEXT, "completed", 1)


@EACH
def test_anthropics_messages(house: House, pair: tuple[Api, Api]) -> None:
    model = scripted(house, pair)
    sdk = Anthropic(base_url=house.turnout.url, api_key="none", max_retries=0)
    with sdk.messages.stream(model=model, max_tokens=100, messages=HI) as stream:
        message = stream.get_final_message()
    assert ([block.type for block in message.content], message.stop_reason) == (["text"], "end_turn")
    assert stream.get_final_text() == TEXT
