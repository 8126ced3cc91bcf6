"""What a legacy completions request says as a conversation, and what no conversation can be asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.chat import Loss, Message, Problem, Request, Text
from engine.dialects import OPENAI
from engine.dialects.completions.read_request import BETWEEN, read

SAID = Message(role="user", blocks=(Text(text="def add(", at="prompt"),), at="prompt")


def asked(prompt: Any = "def add(", **fields: Any) -> Request:
    body = json.dumps({"model": "asked", "prompt": prompt, **fields}).encode()
    OPENAI.peek("completions", body)
    return read(body)


@pytest.mark.parametrize("prompt", ["def add(", ["def add("]], ids=["text", "list of one"])
def test_the_prompt_is_what_the_user_says(prompt: Any) -> None:
    assert asked(prompt).messages == (SAID,)


@pytest.mark.parametrize("prompt", ["\n  a  \n", "\ta\r\n", "Ünï", "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>"])
def test_not_a_blank_of_it_is_changed(prompt: str) -> None:
    assert asked(prompt).messages[0].blocks == (Text(text=prompt, at="prompt"),)


PROMPTS: dict[str, tuple[Any, str]] = {
    "several": (["a", "b", "c"], "`prompt` holds 3 prompts, and the model answers one at a time: ask once for each"),
    "token ids": ([1, 2], "`prompt` is token ids, which no conversation is made of: send the text itself"),
    "lists of token ids": ([[1], [2]], "`prompt` is token ids, which no conversation is made of: send the text itself"),
    "text and token ids": (["a", [2]], "`prompt` is token ids, which no conversation is made of: send the text itself"),
    "null": (None, "`prompt` is empty: send the text that is to be gone on with"),
    "an empty text": ("", "`prompt` is empty: send the text that is to be gone on with"),
    "blanks": (" \n\t", "`prompt` is empty: send the text that is to be gone on with"),
    "an empty list": ([], "`prompt` is empty: send the text that is to be gone on with"),
    "a list of an empty text": ([""], "`prompt` is empty: send the text that is to be gone on with"),
}


@pytest.mark.parametrize(("prompt", "message"), PROMPTS.values(), ids=PROMPTS)
def test_what_is_no_text_is_refused(prompt: Any, message: str) -> None:
    with pytest.raises(Problem) as refused:
        asked(prompt)
    assert (refused.value.status, refused.value.message, refused.value.param) == (400, message, "prompt")


def test_several_answers_are_refused() -> None:
    assert asked(n=1).extra == {}
    with pytest.raises(Problem) as refused:
        asked(n=2)
    assert (refused.value.status, refused.value.code, refused.value.param) == (400, "unsupported_parameter", "n")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": "9"}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop": {"a": 1}}, "stop"),
        ({"stop": ["a", 1]}, "stop[1]"),
        ({"n": "2"}, "n"),
        ({"user": 3}, "user"),
    ],
)
def test_a_field_of_another_type_is_named(fields: Any, param: str) -> None:
    with pytest.raises(Problem) as refused:
        asked(**fields)
    assert (refused.value.status, refused.value.param) == (400, param)


def test_a_suffix_is_told_in_words_in_front() -> None:
    request = asked(suffix="    return c\n")
    told = Message(role="system", blocks=(Text(text=f"{BETWEEN}    return c\n", at="suffix"),), at="suffix")
    assert request.messages == (told, SAID)
    assert request.losses == (
        Loss("suffix", "approximated", "no conversation has one: the model is told what follows"),
    )


@pytest.mark.parametrize("suffix", [None, "", " \n"])
def test_a_suffix_that_is_none(suffix: Any) -> None:
    assert asked(suffix=suffix) == asked()


def test_what_has_a_place() -> None:
    request = asked(
        max_tokens=64, temperature=0.1, top_p=0.9, top_k=5, stop=["\n\n", ""], stream=True, user="ada", model="m"
    )
    told = (request.model, request.max_tokens, request.temperature, request.top_p, request.top_k, request.stop)
    assert told == ("m", 64, 0.1, 0.9, 5, ("\n\n",))
    assert (request.stream, request.usage, request.user, request.extra, request.losses) == (True, False, "ada", {}, ())


def test_usage_is_wished_for_in_a_stream_only_where_it_is_asked_for() -> None:
    assert asked().usage
    assert asked(stream=True, stream_options={"include_usage": True}).usage
    assert not asked(stream=True, stream_options={"include_usage": False}).usage


def test_no_limit_is_ours() -> None:
    assert asked().max_tokens is None
    assert asked(max_tokens=0).max_tokens == 0
    none = asked(max_tokens=-1)
    assert (none.max_tokens, none.losses) == (None, (Loss("max_tokens", "approximated", "taken as no limit"),))


def test_what_has_no_place_is_kept_unless_it_says_nothing() -> None:
    idle = {"best_of": 1, "presence_penalty": 0.0, "frequency_penalty": 0, "logit_bias": {}, "logprobs": None}
    assert asked(**idle).extra == {}
    felt = {"best_of": 3, "presence_penalty": 0.5, "logit_bias": {"1": 2}, "logprobs": 0, "seed": 0, "foo": 1}
    assert asked(**felt).extra == felt


def test_an_answer_repeats_the_prompt_where_that_is_wished() -> None:
    assert asked(["def add("], echo=True).echo == {"prompt": "def add("}
    assert asked(echo=False).echo == {}


def test_what_is_too_deep() -> None:
    body = b'{"model":"m","prompt":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(Problem) as refused:
        read(body)
    assert refused.value.status == 400
