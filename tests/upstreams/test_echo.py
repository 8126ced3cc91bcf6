"""Echo, asked in every API; the vendors' SDK types and accumulators are the judges of what it answers."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import struct
from typing import Any

import anthropic
import httpx2
import jsonschema
import openai
import pytest
from anthropic.types import Message, MessageTokensCount, RawMessageStreamEvent
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from engine.chat import Api
from engine.dialects import DIALECTS, ENDPOINTS
from engine.dialects.sse import Splitter, parse
from engine.upstreams.base import Call
from engine.upstreams.drivers.echo.driver import ANSWERS
from engine.upstreams.echo import Echo
from tests.dialects.recorded import RECORDED, Recorded
from tests.support.wire import violations

EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
PATHS = {endpoint.api: path for path, (_, endpoint) in ENDPOINTS.items()}

READ = {
    "name": "read_file",
    "schema": {
        "type": "object",
        "properties": {
            "path": {"type": "string", "minLength": 6},
            "lines": {"type": "array", "items": {"type": "integer", "minimum": 3}, "minItems": 2},
            "mode": {"enum": ["text", "binary"]},
        },
        "required": ["path", "lines"],
        "additionalProperties": False,
    },
}
LIST = {"name": "list_files", "schema": {"type": "object", "properties": {}}}
ANSWER = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["name", "n"],
    "additionalProperties": False,
}


def call(api: Api, body: dict[str, Any], model: str = "some-model") -> Call:
    data = json.dumps({"model": model, **body}).encode()
    return Call(api=api, method="POST", path=PATHS[api], query=b"", headers=[], body=data, model=model)


def ask(api: Api, body: dict[str, Any], **options: Any) -> bytes:
    """Return the whole answer, which must be a good one."""

    async def run() -> bytes:
        driver = Echo(**options).build("echo", None)
        answer = await driver.send(call(api, body))
        data = await answer.read(10_000_000)
        assert answer.status == 200, data
        assert await answer.chunk() == b""
        stream = (b"content-type", b"text/event-stream; charset=utf-8")
        assert (stream in answer.headers) is bool(body.get("stream"))
        answer.close()
        await driver.close()
        return data

    data = asyncio.run(run())
    if body.get("stream"):
        usage = bool((body.get("stream_options") or {}).get("include_usage"))
        assert violations(api, data, usage=usage) == []
    return data


def events(data: bytes) -> list[tuple[bytes, Any]]:
    """Return name and JSON of every event; the last of a chat stream must be [DONE]."""
    splitter = Splitter()
    found = [parse(event) for event in splitter.feed(data)]
    assert splitter.rest == b""
    if found[-1][1] == b"[DONE]":
        found.pop()
    return [(name, json.loads(text or b"")) for name, text in found]


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


# chat completions


def chat(messages: list[dict[str, Any]], demo: bool = False, **fields: Any) -> ChatCompletion:
    """Ask without a stream; the answer must be strictly what the SDK's types say."""
    answer = json.loads(ask("chat", {"messages": messages, **fields}, demo=demo))
    for choice in answer["choices"]:
        choice["message"].pop("reasoning_content", None)  # an extension that every SDK lets pass
    return ChatCompletion.model_validate(answer, strict=True, extra="forbid")


def chat_stream(messages: list[dict[str, Any]], **fields: Any) -> list[ChatCompletionChunk]:
    """Ask for a stream; every chunk must be strictly what the SDK's types say."""
    data = ask("chat", {"messages": messages, "stream": True, **fields})
    assert data.endswith(b"data: [DONE]\n\n")
    chunks = []
    for name, chunk in events(data):
        assert name == b""
        for choice in chunk["choices"]:
            choice["delta"].pop("reasoning_content", None)
        chunks.append(ChatCompletionChunk.model_validate(chunk, strict=True, extra="forbid"))
    return chunks


def functions(*tools: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": t["name"], "parameters": t["schema"]}} for t in tools]


def test_chat_repeats_what_the_user_said() -> None:
    answer = chat([*user("first"), {"role": "assistant", "content": "no"}, *user("Hello there")])
    assert answer.model == "some-model"
    assert answer.choices[0].message.content == "echo: Hello there"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_the_same_request_has_the_same_answer() -> None:
    assert ask("chat", {"messages": user("a")}) == ask("chat", {"messages": user("a")})
    assert chat(user("a")).id != chat(user("b")).id


def test_a_demo_says_what_it_is() -> None:
    assert chat(user("Hi"), demo=True).choices[0].message.content == "[turnout echo] Hi"


def test_a_chat_stream_is_in_the_vendor_s_order() -> None:
    chunks = chat_stream(user("Hello there"))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert (deltas[0].role, deltas[0].content) == ("assistant", "")
    assert "".join(delta.content or "" for delta in deltas) == "echo: Hello there"
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    assert all("usage" not in chunk.model_fields_set for chunk in chunks)


def test_usage_comes_last_and_only_when_asked() -> None:
    chunks = chat_stream(user("Hello there"), stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert all(chunk.usage is None and "usage" in chunk.model_fields_set for chunk in chunks[:-1])
    whole = chat(user("Hello there")).usage
    assert whole is not None
    assert chunks[-1].usage.completion_tokens == whole.completion_tokens


def test_several_choices() -> None:
    assert [choice.index for choice in chat(user("Hi"), n=3).choices] == [0, 1, 2]
    texts = ["", "", ""]
    ends = []
    for chunk in chat_stream(user("Hi"), n=3):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            ends += [choice.finish_reason] if choice.finish_reason else []
    assert (texts, ends) == (["echo: Hi"] * 3, ["stop"] * 3)


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_limit_is_kept(field: str) -> None:
    answer = chat(user("one two three four"), **{field: 2})
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("echo: one", "length")
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 2


@pytest.mark.parametrize("stop", ["three", ["nothing", "three", "four"]])
def test_a_stop_word_stops(stop: Any) -> None:
    answer = chat(user("one two three four"), stop=stop)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("echo: one two ", "stop")


DEMANDS: list[tuple[Any, str, list[str]]] = [
    (None, "Hello", []),
    ("auto", "Hello", []),
    ("auto", "please read_file now", ["read_file"]),
    ("auto", "please read_files now", []),
    ("auto", "list_files, then read_file", ["list_files", "read_file"]),
    ("none", "please read_file now", []),
    ("required", "Hello", ["read_file"]),
    ("required", "use list_files", ["list_files"]),
    ({"type": "function", "function": {"name": "list_files"}}, "Hello", ["list_files"]),
    (
        {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required",
                "tools": [{"type": "function", "function": {"name": "list_files"}}],
            },
        },
        "read_file",
        ["list_files"],
    ),
]


@pytest.mark.parametrize(("choice", "prompt", "names"), DEMANDS, ids=str)
def test_tools_are_called_when_demanded_or_named(choice: Any, prompt: str, names: list[str]) -> None:
    fields = {"tools": functions(READ, LIST), **({} if choice is None else {"tool_choice": choice})}
    answer = chat(user(prompt), **fields).choices[0]
    calls = answer.message.tool_calls or []
    assert [one.function.name for one in calls if one.type == "function"] == names
    assert answer.finish_reason == ("tool_calls" if names else "stop")
    assert (answer.message.content is None) is bool(names)
    streamed: dict[int, list[str]] = {}
    for chunk in chat_stream(user(prompt), **fields):
        for part in chunk.choices[0].delta.tool_calls or []:
            assert part.function is not None
            one = streamed.setdefault(part.index, ["", "", ""])
            one[0] += part.id or ""
            one[1] += part.function.name or ""
            one[2] += part.function.arguments or ""
    assert [one[1:] for one in streamed.values()] == [
        [one.function.name, one.function.arguments] for one in calls if one.type == "function"
    ]
    assert len({one[0] for one in streamed.values()}) == len(names)
    for one in calls:
        assert one.type == "function"
        schema = READ["schema"] if one.function.name == "read_file" else LIST["schema"]
        jsonschema.validate(json.loads(one.function.arguments), schema)


def test_after_the_result_it_answers_with_text() -> None:
    asked = user("read_file please")
    fields: dict[str, Any] = {"tools": functions(READ)}
    made = chat(asked, **fields).choices[0].message
    assert made.tool_calls is not None
    answered = [
        *asked,
        made.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": made.tool_calls[0].id, "content": "it says 42"},
    ]
    assert chat(answered, **fields).choices[0].message.content == "echo: the tool answered it says 42"
    assert chat([*answered, *user("read_file again")], **fields).choices[0].message.tool_calls


def test_one_call_at_a_time_where_parallel_calls_are_off() -> None:
    answer = chat(user("list_files, read_file"), tools=functions(READ, LIST), parallel_tool_calls=False)
    assert [one.function.name for one in answer.choices[0].message.tool_calls or [] if one.type == "function"] == [
        "list_files"
    ]


def test_a_custom_tool_is_given_text() -> None:
    tools = [{"type": "custom", "custom": {"name": "patch"}}]
    (made,) = chat(user("patch this"), tools=tools).choices[0].message.tool_calls or []
    assert made.type == "custom"
    assert (made.custom.name, made.custom.input) == ("patch", "patch this")
    data = ask("chat", {"messages": user("patch this"), "tools": tools, "stream": True})
    parts = [call for _, chunk in events(data) for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert "".join(part["custom"]["input"] for part in parts) == "patch this"


@pytest.mark.parametrize("demand", ["auto", {"name": "read_file"}])
def test_functions_as_before_there_were_tools(demand: Any) -> None:
    fields: dict[str, Any] = {
        "functions": [{"name": "read_file", "parameters": READ["schema"]}],
        "function_call": demand,
    }
    answer = chat(user("read_file"), **fields).choices[0]
    assert answer.finish_reason == "function_call"
    assert answer.message.function_call is not None
    jsonschema.validate(json.loads(answer.message.function_call.arguments), READ["schema"])
    parts = [chunk.choices[0].delta.function_call for chunk in chat_stream(user("read_file"), **fields)]
    assert "".join(part.arguments or "" for part in parts if part) == answer.message.function_call.arguments
    if demand == "auto":
        result = {"role": "function", "name": "read_file", "content": "42"}
        answered = chat([*user("read_file"), result], **fields).choices[0].message
        assert answered.content == "echo: the tool answered 42"


@pytest.mark.parametrize(
    "form",
    [
        {"type": "json_schema", "json_schema": {"name": "a", "schema": ANSWER, "strict": True}},
        {"type": "json_schema", "json_schema": {"name": "a"}},
        {"type": "json_object"},
    ],
    ids=lambda form: json.dumps(form)[:40],
)
def test_a_requested_json_is_filled(form: dict[str, Any]) -> None:
    text = chat(user("Hi"), response_format=form).choices[0].message.content
    value = json.loads(text or "")
    assert isinstance(value, dict)
    if "schema" in form.get("json_schema", {}):
        jsonschema.validate(value, ANSWER)
    streamed = chat_stream(user("Hi"), response_format=form)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == text


@pytest.mark.parametrize(("effort", "thinks"), [("low", True), ("none", False), (None, False)])
def test_reasoning_is_shown_when_asked(effort: str | None, thinks: bool) -> None:
    body = {"messages": user("Hi"), **({"reasoning_effort": effort} if effort else {})}
    answer = json.loads(ask("chat", body))
    assert ("reasoning_content" in answer["choices"][0]["message"]) is thinks
    assert (answer["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0) is thinks
    deltas = [chunk["choices"][0]["delta"] for _, chunk in events(ask("chat", {**body, "stream": True}))]
    reasoning = "".join(delta.get("reasoning_content", "") for delta in deltas)
    assert reasoning == answer["choices"][0]["message"].get("reasoning_content", "")
    kinds = [next(iter(delta), "") for delta in deltas[1:-1]]
    assert kinds == sorted(kinds, reverse=True), "reasoning comes before content"


# legacy completions


def completion(**fields: Any) -> Completion:
    return Completion.model_validate_json(ask("completions", fields), strict=True, extra="forbid")


def test_completions() -> None:
    answer = completion(prompt="def f(", suffix="return 1")
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("echo: def f( ... return 1", "stop")
    assert completion(prompt="x", suffix=None).choices[0].text == "echo: x"


def test_completions_of_several_prompts() -> None:
    assert [one.text for one in completion(prompt=["a", "b"], n=2).choices] == ["echo: a"] * 2 + ["echo: b"] * 2
    assert [one.index for one in completion(prompt=["a", "b"], n=2).choices] == [0, 1, 2, 3]
    assert [one.text for one in completion(prompt=[1, 2]).choices] == ["echo: 1 2"]
    assert [one.text for one in completion(prompt=[[1], [2, 3]]).choices] == ["echo: 1", "echo: 2 3"]


def test_completions_are_short_unless_asked_otherwise() -> None:
    long = "a b c d e f g h i j k l m n o p q r s t"
    assert completion(prompt=long).choices[0].finish_reason == "length"
    assert completion(prompt=long, max_tokens=100).choices[0].finish_reason == "stop"
    assert completion(prompt="a", echo=True).choices[0].text == "aecho: a"


def test_a_completion_stream_finishes_before_done() -> None:
    data = ask("completions", {"prompt": "a b", "stream": True, "stream_options": {"include_usage": True}})
    assert data.endswith(b"data: [DONE]\n\n")
    found = [chunk for _, chunk in events(data)]
    reasons = [one["finish_reason"] for chunk in found for one in chunk["choices"]]
    assert reasons == [None] * (len(reasons) - 1) + ["stop"]
    for chunk in found:
        for one in chunk["choices"]:
            one["finish_reason"] = "stop"  # the SDK's type has no null, its streams do
    chunks = [Completion.model_validate(chunk, strict=True, extra="forbid") for chunk in found]
    assert "".join(one.text for chunk in chunks for one in chunk.choices) == "echo: a b"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == completion(prompt="a b").usage


# embeddings


def embedded(**fields: Any) -> list[list[float]]:
    answer = json.loads(ask("embeddings", fields))
    for item in answer["data"]:
        if isinstance(item["embedding"], str):
            raw = base64.b64decode(item["embedding"])
            item["embedding"] = list(struct.unpack(f"<{len(raw) // 4}f", raw))
    parsed = CreateEmbeddingResponse.model_validate(answer, strict=True, extra="forbid")
    assert [item.index for item in parsed.data] == list(range(len(parsed.data)))
    return [item.embedding for item in parsed.data]


@pytest.mark.parametrize(
    ("given", "count"), [("a", 1), (["a", "b", "a"], 3), ([1, 2], 1), ([[1, 2], [3]], 2), ([], 0)], ids=str
)
def test_embeddings(given: Any, count: int) -> None:
    vectors = embedded(input=given)
    assert len(vectors) == count
    assert vectors == embedded(input=given, encoding_format="base64") == embedded(input=given, encoding_format="float")
    for vector in vectors:
        assert math.isclose(sum(number * number for number in vector), 1, rel_tol=1e-5)


def test_embeddings_are_those_of_the_text() -> None:
    one, two, again = embedded(input=["a", "b", "a"])
    assert one == again != two


@pytest.mark.parametrize("size", [1, 3, 1536])
def test_dimensions_are_honoured(size: int) -> None:
    assert [len(vector) for vector in embedded(input="a", dimensions=size)] == [size]


# messages


def message(messages: list[dict[str, Any]], demo: bool = False, **fields: Any) -> Message:
    """Ask without a stream; the answer must be strictly what the SDK's types say."""
    data = ask("messages", {"messages": messages, "max_tokens": 1000, **fields}, demo=demo)
    return Message.model_validate_json(data, strict=True, extra="forbid")


def message_stream(messages: list[dict[str, Any]], **fields: Any) -> list[Any]:
    """Ask for a stream; every event must be strictly what the SDK's types say, and in the order the API has."""
    made = []
    open_block = None
    for name, event in events(ask("messages", {"messages": messages, "max_tokens": 1000, "stream": True, **fields})):
        assert name.decode() == event["type"]
        if name == b"ping":
            continue
        made.append(EVENT.validate_python(event, strict=True, extra="forbid"))
        if name.startswith(b"content_block"):
            assert (open_block is None) is (name == b"content_block_start")
            open_block = None if name == b"content_block_stop" else event["index"]
    kinds = [event.type for event in made]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    starts = [event.index for event in made if event.type == "content_block_start"]
    assert starts == list(range(len(starts)))
    return made


def declared(*tools: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": tool["name"], "input_schema": tool["schema"]} for tool in tools]


def accumulated(**body: Any) -> Message:
    """Ask with the SDK itself, through its own accumulator of streams."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent = json.loads(request.content)
        return httpx2.Response(
            200,
            content=ask("messages", sent),
            headers={"content-type": "text/event-stream" if sent.get("stream") else "application/json"},
        )

    client = anthropic.Anthropic(api_key="x", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
    with client.messages.stream(**{"model": "some-model", "max_tokens": 1000, **body}) as stream:
        return stream.get_final_message()


def test_messages_repeat_what_the_user_said() -> None:
    answer = message(
        [*user("a"), {"role": "assistant", "content": "b"}, {"role": "system", "content": "c"}, *user("d")]
    )
    assert [block.text for block in answer.content if block.type == "text"] == ["echo: d"]
    assert (answer.model, answer.stop_reason, answer.stop_sequence) == ("some-model", "end_turn", None)
    assert message(user("Hi"), demo=True).content[0].text == "[turnout echo] Hi"


def test_of_several_texts_the_last_is_the_prompt() -> None:
    parts = [{"type": "text", "text": "a note of the agent"}, {"type": "text", "text": "what the user wrote"}]
    answer = message([{"role": "user", "content": parts}])
    assert answer.content[0].text == "echo: what the user wrote"


CASES: list[tuple[str, dict[str, Any]]] = [
    ("text", {}),
    ("two tools", {"tools": declared(READ, LIST)}),
    ("any tool", {"tools": declared(READ, LIST), "tool_choice": {"type": "any"}}),
    ("that tool", {"tools": declared(READ, LIST), "tool_choice": {"type": "tool", "name": "list_files"}}),
    ("no tool", {"tools": declared(READ, LIST), "tool_choice": {"type": "none"}}),
    ("thinking", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
    ("adaptive", {"thinking": {"type": "adaptive"}, "tools": declared(READ)}),
    ("not shown", {"thinking": {"type": "adaptive", "display": "omitted"}}),
    ("disabled", {"thinking": {"type": "disabled"}}),
    ("limit", {"max_tokens": 2}),
    ("prewarm", {"max_tokens": 0}),
    ("stop", {"stop_sequences": ["file"]}),
    ("schema", {"output_config": {"format": {"type": "json_schema", "schema": ANSWER}}}),
]


@pytest.mark.parametrize("fields", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_a_stream_adds_up_to_the_whole_message(fields: dict[str, Any]) -> None:
    messages = user("read_file and list_files")
    whole = message(messages, **fields)
    made = message_stream(messages, **fields)
    if fields.get("max_tokens", 1):
        final = accumulated(messages=messages, **fields)
        assert [shown(block) for block in final.content] == [shown(block) for block in whole.content]
        assert (final.stop_reason, final.stop_sequence) == (whole.stop_reason, whole.stop_sequence)
        assert final.usage.output_tokens == whole.usage.output_tokens
    assert made[0].message.usage.input_tokens == whole.usage.input_tokens == made[-2].usage.input_tokens
    assert made[-2].usage.output_tokens == whole.usage.output_tokens


def shown(block: Any) -> dict[str, Any]:
    """Return what is the same in a stream; ids and signatures are made from the request, which says `stream`."""
    made: dict[str, Any] = block.model_dump(include={"type", "text", "thinking", "name", "input"})
    return {**made, "signed": bool(getattr(block, "signature", "")), "id": getattr(block, "id", "")[:6]}


STOPS: list[tuple[str, str, list[str]]] = [
    ("text", "end_turn", ["text"]),
    ("two tools", "tool_use", ["tool_use", "tool_use"]),
    ("any tool", "tool_use", ["tool_use", "tool_use"]),
    ("that tool", "tool_use", ["tool_use"]),
    ("no tool", "end_turn", ["text"]),
    ("thinking", "end_turn", ["thinking", "text"]),
    ("adaptive", "tool_use", ["thinking", "tool_use"]),
    ("not shown", "end_turn", ["thinking", "text"]),
    ("disabled", "end_turn", ["text"]),
    ("limit", "max_tokens", ["text"]),
    ("prewarm", "max_tokens", []),
    ("stop", "stop_sequence", ["text"]),
    ("schema", "end_turn", ["text"]),
]


@pytest.mark.parametrize(("name", "stop", "kinds"), STOPS, ids=[stop[0] for stop in STOPS])
def test_what_a_message_holds_and_why_it_stops(name: str, stop: str, kinds: list[str]) -> None:
    answer = message(user("read_file and list_files"), **dict(CASES)[name])
    assert (answer.stop_reason, [block.type for block in answer.content]) == (stop, kinds)
    for block in answer.content:
        if block.type == "tool_use":
            jsonschema.validate(block.input, READ["schema"] if block.name == "read_file" else LIST["schema"])
        if block.type == "thinking":
            assert block.signature
            assert bool(block.thinking) is (name != "not shown")
        if block.type == "text" and name == "schema":
            jsonschema.validate(json.loads(block.text), ANSWER)


def test_after_tool_results_messages_answer_with_text() -> None:
    fields: dict[str, Any] = {"tools": declared(READ, LIST)}
    asked = user("read_file and list_files")
    made = message(asked, **fields)
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": [{"type": "text", "text": f"{at}."}]}
        for at, block in enumerate(made.content)
        if block.type == "tool_use"
    ]
    answered = [
        *asked,
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in made.content]},
        {"role": "user", "content": [*results, {"type": "text", "text": "a note of the agent on read_file"}]},
    ]
    answer = message(answered, **fields)
    assert answer.content[0].text == "echo: the tool answered 0.; 1."
    one = message(asked, **fields, tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    assert len(one.content) == 1


def test_deferred_and_server_tools_are_not_called() -> None:
    tools = [
        {"name": "read_file", "input_schema": READ["schema"], "defer_loading": True},
        {"type": "web_search_20250305", "name": "web_search"},
    ]
    assert message(user("read_file, web_search"), tools=tools).stop_reason == "end_turn"


def test_count_tokens_is_what_a_message_costs() -> None:
    body: dict[str, Any] = {"messages": user("Hello there"), "tools": declared(READ)}
    counted = MessageTokensCount.model_validate_json(ask("count_tokens", body), strict=True, extra="forbid")
    assert counted.input_tokens == message(**body).usage.input_tokens > 0


# the requests of real clients, and the SDKs


@pytest.mark.parametrize("one", RECORDED, ids=lambda one: one.name)
def test_what_real_clients_send_is_answered(one: Recorded) -> None:
    data = ask(one.api, one.json)
    if not one.json.get("stream"):
        assert set(json.loads(data)) & {"choices", "data", "content", "input_tokens"}
        return
    tap = one.dialect.tap(one.api, None)
    out = tap.feed(data) + tap.finish()
    assert (tap.committed, tap.ended, tap.failure) == (True, True, None)
    assert out == data.replace(b'event: ping\ndata: {"type":"ping"}\n\n', b"")


def test_the_openai_sdk_accumulates_a_stream() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        content = ask("chat", json.loads(request.content))
        return httpx2.Response(200, content=content, headers={"content-type": "text/event-stream"})

    client = openai.OpenAI(api_key="x", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
    messages: Any = user("list_files, read_file")
    tools: Any = functions(READ, LIST)
    with client.chat.completions.stream(model="m", messages=messages, tools=tools) as stream:
        final = stream.get_final_completion().choices[0]
    whole = chat(messages, tools=tools).choices[0].message
    assert [one.function.arguments for one in final.message.tool_calls or []] == [
        one.function.arguments for one in whole.tool_calls or [] if one.type == "function"
    ]
    assert final.finish_reason == "tool_calls"


def test_the_dialects_know_every_answer() -> None:
    spoken = {endpoint.api for one in DIALECTS for endpoint in one.endpoints}
    assert set(Echo().speaks) == set(ANSWERS) == spoken - {"responses", "input_tokens"}
