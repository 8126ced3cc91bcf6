"""Bodies of the Responses API."""

from __future__ import annotations

from typing import Any

from tests.dialects.contract.samples.common import CLOSED, PDF, PNG, Json, Sample

ASK: Json = {"type": "message", "role": "user", "content": "hello"}
FUNCTION: Json = {"type": "function", "name": "weather", "parameters": CLOSED}
CLOCK: Json = {"type": "function", "name": "clock", "parameters": CLOSED}
FREE: Json = {"type": "custom", "name": "patch"}
CALLS: Json = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"}
OUTPUT: Json = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
PATCHES: Json = {"type": "custom_tool_call", "call_id": "call_1", "name": "patch", "input": "+"}
PATCHED: Json = {"type": "custom_tool_call_output", "call_id": "call_1", "output": "done"}
MULLED: Json = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]}
SPOKEN: Json = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "aha", "annotations": []}],
}
REFUSING: Json = {**SPOKEN, "content": [{"type": "refusal", "refusal": "no"}]}


def items(*given: Json) -> Json:
    return {"input": [ASK, *given]}


def content(*given: Json) -> Json:
    return {"input": [{"type": "message", "role": "user", "content": [*given, {"type": "input_text", "text": "look"}]}]}


def outputs(call: Json, output: Json, *given: Json) -> Json:
    return items(call, {**output, "output": [*given, {"type": "input_text", "text": "look"}]})


def brought(kind: str, *tools: Json, **fields: Any) -> Json:
    return {"input": [{"type": kind, **fields, "tools": [*tools]}, ASK]}


PICTURE: Json = {
    "type": "computer_call_output",
    "call_id": "call_1",
    "output": {"type": "computer_screenshot"},
    "status": "completed",
}
HOME: Json = {"type": "namespace", "name": "home", "description": "At home.", "tools": [FUNCTION, CLOCK]}
WORKSHOP: Json = {**HOME, "tools": [CLOCK, FREE]}
HOSTED = (
    *("file_search", "web_search_preview", "computer", "computer_use_preview", "computer_use", "shell", "apply_patch"),
    *("web_search_preview_2025_03_11", "image_generation", "code_interpreter", "mcp", "programmatic_tool_calling"),
)
"""Tools of OpenAI's own that a choice can name."""
IMAGE: Json = {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PNG}"}
PAPER: Json = {"type": "input_file", "file_data": f"data:application/pdf;base64,{PDF}"}
SHELVED: Json = {"type": "input_file", "file_id": "file_1"}
LINKED: Json = {"type": "input_file", "file_url": "https://example.com/1.pdf"}
STORED: Json = {"type": "input_image", "detail": "auto", "file_id": "file_1"}

RESPONSES_REQUEST: dict[str, Json] = {
    "input[message]": items(),
    "input[message].content": content(),
    "input[message].content[input_image]": content(IMAGE),
    "input[message].content[input_image].file_id": content(STORED),
    "input[message].content[input_file]": content(PAPER),
    "input[message].content[input_file].file_id": content(SHELVED),
    "input[message].content[input_file].file_url": content(LINKED),
    "input[message].content[output_text]": items(SPOKEN, ASK),
    "input[message].content[refusal]": items(REFUSING, ASK),
    "input[message].phase": items({**SPOKEN, "phase": "commentary"}, ASK),
    "input[message].id": items(SPOKEN, ASK),
    "input[message].status": items(SPOKEN, ASK),
    "input[message].role": items(ASK),
    "input[function_call]": items(CALLS, OUTPUT),
    "input[function_call_output]": items(CALLS, OUTPUT),
    "input[function_call_output].output[input_text]": outputs(CALLS, OUTPUT),
    "input[function_call_output].output[input_image]": outputs(CALLS, OUTPUT, IMAGE),
    "input[function_call_output].output[input_file]": outputs(CALLS, OUTPUT, PAPER),
    "input[function_call_output].output[input_image].file_id": outputs(CALLS, OUTPUT, STORED),
    "input[function_call_output].output[input_file].file_id": outputs(CALLS, OUTPUT, SHELVED),
    "input[function_call_output].output[input_file].file_url": outputs(CALLS, OUTPUT, LINKED),
    "input[custom_tool_call]": items(PATCHES, PATCHED),
    "input[custom_tool_call_output]": items(PATCHES, PATCHED),
    "input[custom_tool_call_output].output[input_text]": outputs(PATCHES, PATCHED),
    "input[custom_tool_call_output].output[input_image]": outputs(PATCHES, PATCHED, IMAGE),
    "input[custom_tool_call_output].output[input_file]": outputs(PATCHES, PATCHED, PAPER),
    "input[custom_tool_call_output].output[input_image].file_id": outputs(PATCHES, PATCHED, STORED),
    "input[custom_tool_call_output].output[input_file].file_id": outputs(PATCHES, PATCHED, SHELVED),
    "input[custom_tool_call_output].output[input_file].file_url": outputs(PATCHES, PATCHED, LINKED),
    "input[computer_call_output]": items(PICTURE, ASK),
    "input[reasoning]": items(MULLED, SPOKEN, ASK),
    "input": items(ASK),
    "input[additional_tools]": brought("additional_tools", FUNCTION, role="developer"),
    "input[additional_tools].tools[custom]": brought("additional_tools", FREE, role="developer"),
    "input[additional_tools].tools[namespace]": brought("additional_tools", HOME, role="developer"),
    "input[tool_search_output]": brought("tool_search_output", FUNCTION),
    "input[tool_search_output].tools[custom]": brought("tool_search_output", FREE),
    "input[tool_search_output].tools[namespace]": brought("tool_search_output", HOME),
    "tools[function]": {"tools": [FUNCTION]},
    "tools[custom]": {"tools": [FREE]},
    "tools[namespace]": {"tools": [HOME]},
    "tools[namespace].tools[custom]": {"tools": [WORKSHOP]},
    "tool_choice": {"tools": [FUNCTION, FREE]},
    "tool_choice[allowed_tools]": {
        "tools": [FUNCTION, FREE],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "weather"}]},
    },
    **{f"tool_choice[{kind}]": {"tools": [FUNCTION, {"type": kind}], "tool_choice": {"type": kind}} for kind in HOSTED},
    "tool_choice[function]": {"tools": [FUNCTION, FREE], "tool_choice": {"type": "function", "name": "weather"}},
    "tool_choice[custom]": {"tools": [FUNCTION, FREE], "tool_choice": {"type": "custom", "name": "patch"}},
    "parallel_tool_calls": {"tools": [FUNCTION]},
    "stream_options": {"stream": True},
    "text.format[json_schema]": {"text": {"format": {"type": "json_schema", "name": "place", "schema": CLOSED}}},
}
RAW: Json = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}

RESPONSES_ANSWER: dict[str, Json] = {
    "incomplete_details": {"status": "incomplete"},
    "error": {"status": "failed"},
    "output[message].content[refusal]": {"output": [REFUSING]},
    "output[reasoning]": {"output": [MULLED, SPOKEN]},
    "output[reasoning].content[reasoning_text]": {"output": [RAW, SPOKEN]},
    "output[function_call]": {"output": [{**CALLS, "id": "fc_1"}]},
    "output[custom_tool_call]": {"output": [PATCHES]},
}

RESPONSE: Json = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": [SPOKEN],
    "usage": {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 150,
    },
}


def event(kind: str, **fields: Any) -> Json:
    return {"type": f"response.{kind}", **fields}


def begun(*given: Json, end: str = "completed") -> Json:
    """Return a stream whose end does not repeat what was said."""
    silent = {**RESPONSE, "output": []}
    return {
        "event": [event("created", response={**silent, "status": "in_progress"}), *given, event(end, response=silent)]
    }


SAYS = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
SUMS = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
THINKS = {**SUMS, "content_index": 0}
ARGUES = {"item_id": "fc_1", "output_index": 0}
BEGINS = event("output_item.added", output_index=0, item={**CALLS, "id": "fc_1", "arguments": ""})
FREES = event("output_item.added", output_index=0, item={**PATCHES, "id": "fc_1", "input": ""})
WROTE = event("output_text.delta", **SAYS, delta="aha")

RESPONSES_STREAM: dict[str, Json] = {
    f"event[{told['event'][place]['type']}]{inside}": told
    for place, told, inside in (
        (1, begun(BEGINS, event("function_call_arguments.delta", **ARGUES, delta="{}")), ""),
        (1, begun(event("output_item.done", output_index=0, item=SPOKEN)), ""),
        (1, begun(event("content_part.done", **SAYS, part=SPOKEN["content"][0])), ""),
        (1, begun(event("content_part.done", **SAYS, part=REFUSING["content"][0])), ".part[refusal]"),
        (1, begun(event("content_part.done", **THINKS, part=RAW["content"][0])), ".part[reasoning_text]"),
        (1, begun(WROTE), ""),
        (1, begun(event("output_text.done", **SAYS, text="aha")), ""),
        (2, begun(WROTE, event("output_text.annotation.added", **SAYS, annotation={})), ""),
        (1, begun(event("refusal.delta", **SAYS, delta="no")), ""),
        (1, begun(event("refusal.done", **SAYS, refusal="no")), ""),
        (1, begun(event("reasoning_text.delta", **THINKS, delta="hm")), ""),
        (1, begun(event("reasoning_text.done", **THINKS, text="hm")), ""),
        (1, begun(event("reasoning_summary_text.delta", **SUMS, delta="hm")), ""),
        (1, begun(event("reasoning_summary_text.done", **SUMS, text="hm")), ""),
        (1, begun(event("reasoning_summary_part.done", **SUMS, part=MULLED["summary"][0])), ""),
        (2, begun(BEGINS, event("function_call_arguments.delta", **ARGUES, delta='{"a":1}')), ""),
        (2, begun(BEGINS, event("function_call_arguments.done", **ARGUES, arguments='{"a":1}')), ""),
        (2, begun(FREES, event("custom_tool_call_input.delta", **ARGUES, delta="+")), ""),
        (2, begun(FREES, event("custom_tool_call_input.done", **ARGUES, input="+")), ""),
        (2, begun(WROTE, end="incomplete"), ""),
    )
}
PLACES = ("item_id", "output_index", "content_index", "summary_index")
PLACED = {
    f"{path}.{name}": one[name]
    for path, told_ in RESPONSES_STREAM.items()
    for one in told_["event"]
    if path.startswith(f"event[{one['type']}]")
    for name in PLACES
    if name in one
}
"""Where an event belongs: another place would be that of another item."""

REQUEST = Sample(
    base={"model": "asked", "input": "hello"},
    settings=RESPONSES_REQUEST,
    values={
        "input": "good morning",
        "stream_options.include_usage": True,
        "input[message].content": "good morning",
        "input[function_call].call_id": "call_1",
        "input[function_call_output].call_id": "call_1",
        "input[custom_tool_call].call_id": "call_1",
        "input[custom_tool_call_output].call_id": "call_1",
        "tools[function].parameters": CLOSED,
        "tools[namespace].tools[function].parameters": CLOSED,
        "input[additional_tools].tools[function].parameters": CLOSED,
        "input[tool_search_output].tools[function].parameters": CLOSED,
        "input[function_call].arguments": '{"city": "Paris"}',
        "input[configuration_update].text.format": {"type": "json_schema", "name": "place", "schema": CLOSED},
        "input[message].content[input_image].image_url": IMAGE["image_url"],
        "input[message].content[input_file].file_data": PAPER["file_data"],
        "input[function_call_output].output[input_image].image_url": IMAGE["image_url"],
        "input[function_call_output].output[input_file].file_data": PAPER["file_data"],
        "input[custom_tool_call_output].output[input_image].image_url": IMAGE["image_url"],
        "input[custom_tool_call_output].output[input_file].file_data": PAPER["file_data"],
        "text.format[json_schema].schema": CLOSED,
        "tool_choice[allowed_tools].tools": [{"type": "function", "name": "weather"}],
        "tool_choice[function].name": "weather",
        "tool_choice[custom].name": "patch",
    },
)

ANSWER = Sample(
    base=RESPONSE,
    settings=RESPONSES_ANSWER,
    values={
        "output[function_call].arguments": '{"city": "Paris"}',
        "usage.input_tokens_details.cached_tokens": 30,
        "usage.input_tokens_details.cache_write_tokens": 20,
        "usage.output_tokens_details.reasoning_tokens": 10,
    },
)

STREAM = Sample(
    base=begun(WROTE),
    settings=RESPONSES_STREAM,
    values={
        **PLACED,
        "event[response.function_call_arguments.delta].delta": '{"b":2}',
        "event[response.function_call_arguments.done].arguments": '{"b":2}',
    },
)
