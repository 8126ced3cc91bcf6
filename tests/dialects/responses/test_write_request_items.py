"""The turns of a conversation as the items of an input."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.chat import Audio, Call, File, Image, Message, Opaque, Problem, Refusal, Result, Text, Thinking
from engine.dialects.responses.sealed import Item
from engine.dialects.seal import seal
from tests.dialects.responses.writing import HI, asked, flaws, lost, spoken

ASKED = {"type": "message", "role": "user", "content": "Hi"}


def items(*messages: Message, model: str = "gpt-6-sol", refused: tuple[str, ...] = ()) -> list[Any]:
    """Return the items of a conversation that the vendor takes."""
    written = spoken(model, *refused, messages=messages)
    assert flaws(written.body) == []
    found: list[Any] = written.body["input"]
    return found


def user(*blocks: Any) -> Message:
    return Message(role="user", blocks=blocks, at="messages[0]")


def assistant(*blocks: Any) -> Message:
    return Message(role="assistant", blocks=blocks, at="messages[1]")


def system(*blocks: Any) -> Message:
    return Message(role="system", blocks=blocks, at="system")


# what the system says -----------------------------------------------------------------------------------------------


A, B = Text(text="a", at="system[0]"), Text(text="b", at="system[1]")


APART = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]


@pytest.mark.parametrize(
    ("model", "role", "content"),
    [("gpt-5.5", "developer", APART), ("gpt-4o", "system", APART), ("llama-3", "system", "a\n\nb")],
)
def test_instructions_are_one_item_whose_texts_stay_apart(model: str, role: str, content: Any) -> None:
    said = {"type": "message", "role": role, "content": content}
    assert items(system(A), system(B), HI, model=model) == [said, ASKED]


def test_one_text_of_instructions_is_a_text() -> None:
    assert items(system(A), HI)[0] == {"type": "message", "role": "developer", "content": "a"}
    assert items(system(A), HI, refused=("developer",))[0] == {"type": "message", "role": "system", "content": "a"}


def test_the_billing_header_of_claude_code_stays_out() -> None:
    blocks = [{"type": "text", "text": text} for text in ("x-anthropic-billing-header: cc_version=1;", "You are")]
    written = asked("messages", "gpt-5.5", system=blocks)
    assert written.body["input"] == [{"type": "message", "role": "developer", "content": "You are"}, ASKED]
    assert lost(written) == {"system[0]": "approximated"}


LATER = (HI, assistant(Text(text="b")), system(Text(text="c")), HI)


def test_later_instructions_stand_in_place_where_the_model_takes_them() -> None:
    assert [item["role"] for item in items(*LATER)] == ["user", "assistant", "developer", "user"]


@pytest.mark.parametrize(("model", "refused"), [("llama-3", ()), ("gpt-6-sol", ("system_anywhere",))])
def test_later_instructions_are_a_reminder_elsewhere(model: str, refused: tuple[str, ...]) -> None:
    written = spoken(model, *refused, messages=LATER)
    assert [item["role"] for item in written.body["input"]] == ["user", "assistant", "user"]
    content = written.body["input"][2]["content"]
    parts = content.split("\n\n") if model == "llama-3" else [part["text"] for part in content]
    assert parts == ["<system-reminder>\nc\n</system-reminder>", "Hi"]
    assert lost(written) == {"system": "approximated"}


# what the user says -------------------------------------------------------------------------------------------------


PNG = Image(media_type="image/png", data="iVBO", at="messages[0].content[0]")
PDF = File(media_type="application/pdf", data="JVBE", name="a.pdf", at="messages[0].content[0]")


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (PNG, {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,iVBO"}),
        (
            Image(url="https://x.test/1.png", detail="high"),
            {"type": "input_image", "detail": "high", "image_url": "https://x.test/1.png"},
        ),
        (PDF, {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}),
        (
            replace(PDF, name=None),
            {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBE"},
        ),
        (File(url="https://x.test/1.pdf"), {"type": "input_file", "file_url": "https://x.test/1.pdf"}),
        (
            Opaque(vendor="openai", kind="file", raw={"type": "file", "file": {"file_id": "file-1"}}),
            {"type": "input_file", "file_id": "file-1"},
        ),
        (
            Opaque(vendor="openai", kind="file", raw={"type": "input_image", "detail": "low", "file_id": "file-1"}),
            {"type": "input_image", "detail": "low", "file_id": "file-1"},
        ),
    ],
)
def test_images_and_documents(block: Any, part: dict[str, Any]) -> None:
    written = spoken("gpt-6-sol", messages=(user(block),))
    assert written.body["input"] == [{"type": "message", "role": "user", "content": [part]}]
    assert written.losses == ()
    assert flaws(written.body) == []


@pytest.mark.parametrize(
    ("model", "refused", "block", "text", "grade"),
    [
        ("gpt-4", (), PNG, "[An image was here; this model sees none.]", "dropped"),
        ("gpt-6-sol", ("vision",), PNG, "[An image was here; this model sees none.]", "dropped"),
        ("llama-3", (), PDF, "[The document a.pdf was here; this model reads none.]", "dropped"),
        ("gpt-6-sol", ("file",), PDF, "[The document a.pdf was here; this model reads none.]", "dropped"),
        ("llama-3", (), replace(PDF, data=None, url="https://x.test"), "[Document: https://x.test]", "dropped"),
        ("gpt-6-sol", (), replace(PDF, data=None, text="x", context="c"), "a.pdf\n\nc\n\nx", "approximated"),
        (
            "llama-3",
            (),
            Opaque(vendor="openai", kind="file", raw={"file_id": "file-1"}, at=PNG.at),
            '[file] {"file_id":"file-1"}',
            "dropped",
        ),
        (
            "gpt-6-sol",
            (),
            Opaque(vendor="anthropic", kind="search_result", raw={"type": "search_result", "title": "x"}, at=PNG.at),
            '[search_result] {"title":"x"}',
            "dropped",
        ),
    ],
)
def test_what_a_model_is_not_shown_leaves_a_word(
    model: str, refused: tuple[str, ...], block: Any, text: str, grade: str
) -> None:
    written = spoken(model, *refused, messages=(user(block),))
    assert written.body["input"][0]["content"] == text
    assert lost(written) == {PNG.at: grade}


def test_what_stands_beside_a_document_is_dropped() -> None:
    written = spoken("gpt-6-sol", messages=(user(replace(PDF, context="c")),))
    assert lost(written) == {f"{PDF.at}.context": "dropped"}


def test_a_sound_is_refused() -> None:
    with pytest.raises(Problem) as raised:
        spoken("gpt-6-sol", messages=(user(Audio(data="UklG", format="wav", at="messages[0].content[0]")),))
    assert (raised.value.status, raised.value.param) == (400, "messages[0].content[0]")


def test_names_of_participants_are_dropped() -> None:
    written = spoken("gpt-6-sol", messages=(replace(HI, name="ada"),))
    assert written.body["input"] == [ASKED]
    assert lost(written) == {"messages[0].name": "dropped"}


@pytest.mark.parametrize(
    ("name", "life", "mark", "losses"),
    [
        ("cache_control", "", {"mode": "explicit"}, {"x.cache_control": "approximated"}),
        ("cache_control", "1h", {"mode": "explicit", "ttl": "12h"}, {"x.cache_control": "approximated"}),
        ("prompt_cache_breakpoint", "", {"mode": "explicit"}, {}),
        ("prompt_cache_breakpoint", "30m", {"mode": "explicit", "ttl": "30m"}, {}),
        ("prompt_cache_breakpoint", "12h", {"mode": "explicit", "ttl": "12h"}, {}),
    ],
)
def test_cache_breakpoints(name: str, life: str, mark: Any, losses: dict[str, str]) -> None:
    said = (user(Text(text="x", cache=life, at="x")),)
    written = spoken("gpt-6-sol", messages=said, named={"cache": name})
    assert written.body["input"][0]["content"] == [{"type": "input_text", "text": "x", "prompt_cache_breakpoint": mark}]
    assert lost(written) == losses
    assert flaws(written.body) == []
    other = spoken("gpt-5.5", messages=said, named={"cache": name})
    assert other.body["input"][0]["content"] == "x"
    assert lost(other) == {f"x.{name}": "approximated"}


def test_a_breakpoint_that_was_refused_is_left_out() -> None:
    said = (user(Text(text="x", cache="", at="x")),)
    assert spoken("gpt-6-sol", "prompt_cache_breakpoint", messages=said).body["input"][0]["content"] == "x"


# what the assistant says --------------------------------------------------------------------------------------------


CALL = Call(id="call_1", name="f", arguments='{"a":1}')
CALLED = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'}
RESULT = Result(id="call_1", parts=(Text(text="x"),), at="messages[2].content[0]")
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "x"}


def test_texts_and_calls_are_items_in_their_order() -> None:
    turn = assistant(Text(text="a"), CALL, Text(text="b"), Text(text="c"))
    assert items(HI, turn, user(RESULT, Text(text="d"))) == [
        ASKED,
        {"type": "message", "role": "assistant", "content": "a"},
        CALLED,
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "b"}, {"type": "output_text", "text": "c"}],
        },
        OUTPUT,
        {"type": "message", "role": "user", "content": "d"},
    ]


def test_a_server_that_knows_no_parts_gets_texts_as_one() -> None:
    turn = assistant(Text(text="b"), Text(text="c"))
    assert items(HI, turn, HI, model="llama-3")[1] == {"type": "message", "role": "assistant", "content": "b\n\nc"}


@pytest.mark.parametrize("arguments", ["", "  "])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    assert items(HI, assistant(replace(CALL, arguments=arguments)), user(RESULT))[1]["arguments"] == "{}"


PATCH = Call(id="call_1", name="patch", arguments='*** "x"', kind="custom")


def test_free_text_calls() -> None:
    assert items(HI, assistant(PATCH), user(RESULT))[1:] == [
        {"type": "custom_tool_call", "call_id": "call_1", "name": "patch", "input": '*** "x"'},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "x"},
    ]
    assert items(HI, assistant(PATCH), user(RESULT), model="llama-3")[1:] == [
        {"type": "function_call", "call_id": "call_1", "name": "patch", "arguments": '{"input":"*** \\"x\\""}'},
        OUTPUT,
    ]


def test_ids_that_do_not_fit_are_minted_and_none_comes_twice() -> None:
    turns = [HI, assistant(replace(CALL, id="no:id")), user(replace(RESULT, id="no:id"))]
    sent = [item.get("call_id") for item in items(*turns, *turns, *turns)]
    assert sent == [item.get("call_id") for item in items(*turns, *turns, *turns)]
    assert len(set(sent)) == 4  # None and three calls
    again = [HI, assistant(CALL), user(RESULT)]
    assert [item.get("call_id") for item in items(*again, *again)][:3] == [None, "call_1", "call_1"]


def test_the_outputs_of_two_calls_with_one_id_answer_each_its_own() -> None:
    turn = assistant(CALL, replace(PATCH, id="call_1"))
    answers = user(RESULT, replace(RESULT, parts=(Text(text="y"),)))
    found = items(HI, turn, answers)[1:]
    assert [item["type"] for item in found] == [
        "function_call",
        "custom_tool_call",
        "function_call_output",
        "custom_tool_call_output",
    ]
    assert [found[0]["call_id"], found[1]["call_id"]] == [found[2]["call_id"], found[3]["call_id"]]
    assert [item["output"] for item in found[2:]] == ["x", "y"]


@pytest.mark.parametrize(
    ("model", "part"),
    [("gpt-6-sol", {"type": "refusal", "refusal": "No."}), ("llama-3", None)],
)
def test_a_refusal(model: str, part: Any) -> None:
    written = spoken(model, messages=(HI, assistant(Refusal(text="No.", at="x")), HI))
    assert written.body["input"][1]["content"] == ([part] if part else "No.")
    assert lost(written) == ({} if part else {"x": "approximated"})
    assert flaws(written.body) == []


def test_what_the_assistant_cannot_say_leaves_a_word() -> None:
    picture = replace(PNG, at="messages[1].content[0]")
    written = spoken("gpt-6-sol", messages=(HI, assistant(picture, replace(PDF, at="x")), HI))
    assert [part["text"] for part in written.body["input"][1]["content"]] == ["[image]", "[document]"]
    assert lost(written) == {picture.at: "dropped", "x": "dropped"}


# what tools answer ---------------------------------------------------------------------------------------------------


def answered(*parts: Any, model: str = "gpt-6-sol", **fields: Any) -> Any:
    result = replace(RESULT, parts=parts, **fields)
    return items(HI, assistant(CALL), user(result), model=model)[2]["output"]


SEEN = {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,iVBO"}


@pytest.mark.parametrize(
    ("parts", "fields", "output"),
    [
        ((), {}, ""),
        ((A,), {}, "a"),
        ((A, B), {}, [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]),
        ((PNG,), {}, [SEEN]),
        ((A, PNG), {}, [{"type": "input_text", "text": "a"}, SEEN]),
        ((), {"error": True}, "Error:"),
        ((A,), {"error": True}, "Error: a"),
        ((Text(text="Error: a"),), {"error": True}, "Error: a"),
        ((PNG,), {"error": True}, [{"type": "input_text", "text": "Error:"}, SEEN]),
        ((PNG, A), {"error": True}, [{"type": "input_text", "text": "Error: a"}, SEEN]),
        (
            (A,),
            {"cache": ""},
            [{"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}],
        ),
    ],
)
def test_outputs_hold_what_tools_gave(parts: tuple[Any, ...], fields: dict[str, Any], output: Any) -> None:
    assert answered(*parts, **fields) == output


def test_a_server_that_knows_no_parts_gets_the_output_as_one_text() -> None:
    assert answered(A, B, model="llama-3") == "a\nb"


def test_an_error_is_told() -> None:
    written = spoken("gpt-6-sol", messages=(HI, assistant(CALL), user(replace(RESULT, error=True, cache=""))))
    assert lost(written) == {
        "messages[2].content[0].is_error": "approximated",
        "messages[2].content[0].cache": "approximated",
    }


# what the assistant thinks -------------------------------------------------------------------------------------------


SEAL = Item(id="rs_1", encrypted_content="gAAA").text()
THOUGHT = Thinking(text="Hm.", signature=SEAL, form="responses", at="messages[1].content[0]")
REASONED = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Hm."}],
    "encrypted_content": "gAAA",
}


def test_reasoning_comes_back_in_place() -> None:
    sealed = Thinking(sealed=Item(id="rs_2", encrypted_content="gBBB").text(), form="responses")
    found = items(HI, assistant(THOUGHT, CALL, sealed, Text(text="a")), user(RESULT))
    assert found[1:5] == [
        REASONED,
        CALLED,
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gBBB"},
        {"type": "message", "role": "assistant", "content": "a"},
    ]


def test_reasoning_without_an_id_has_none() -> None:
    nameless = replace(THOUGHT, signature=Item(id="", encrypted_content="gAAA").text())
    (_, found, _, _) = items(HI, assistant(nameless, Text(text="a")), HI)
    assert "id" not in found


@pytest.mark.parametrize(
    ("block", "refused", "reason"),
    [
        (Thinking(text="Hm."), (), "earlier reasoning is not sent back"),
        (Thinking(text="Hm.", signature="EqQB"), (), "only its own vendor can read it"),
        (Thinking(sealed="EqQB"), (), "only its own vendor can read it"),
        (Thinking(text="Hm.", signature="EqQB", form="responses"), (), "only its own vendor can read it"),
        (THOUGHT, ("encrypted_content",), "the upstream does not take it back"),
    ],
)
def test_any_other_reasoning_stays_out(block: Thinking, refused: tuple[str, ...], reason: str) -> None:
    thought = replace(block, at="messages[1].content[0]")
    written = spoken("gpt-6-sol", *refused, messages=(HI, assistant(thought, CALL), user(RESULT)))
    assert [item["type"] for item in written.body["input"]] == ["message", "function_call", "function_call_output"]
    assert [(loss.path, loss.grade, loss.reason) for loss in written.losses] == [(thought.at, "approximated", reason)]


def test_reasoning_that_nothing_follows_stays_out() -> None:
    written = spoken("gpt-6-sol", messages=(HI, assistant(Text(text="a"), THOUGHT), HI))
    assert [item["type"] for item in written.body["input"]] == ["message"] * 3
    assert lost(written) == {THOUGHT.at: "approximated"}


def test_a_seal_of_ours_never_goes_out() -> None:
    block = {"type": "thinking", "thinking": "Hm.", "signature": seal("up/m", "responses", signature=SEAL)}
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [block, {"type": "text", "text": "a"}]},
        {"role": "user", "content": "Hi"},
    ]
    assert asked("messages", "gpt-5.5", messages=turns).body["input"][1] == REASONED


# what only OpenAI knows ----------------------------------------------------------------------------------------------


SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
SEARCHED = Opaque(vendor="openai", kind="web_search_call", raw=SEARCH, at="input[1]")


def test_items_of_this_api_go_back_as_they_came() -> None:
    turn = assistant(SEARCHED, Text(text="a"))
    written = spoken("gpt-6-sol", messages=(HI, turn, HI))
    assert written.body["input"][1] is SEARCH
    assert written.losses == ()


@pytest.mark.parametrize(
    ("model", "at"), [("llama-3", "input[1]"), ("gpt-6-sol", "messages[1].content[0]")], ids=["elsewhere", "a part"]
)
def test_anything_else_becomes_text(model: str, at: str) -> None:
    written = spoken(model, messages=(HI, assistant(replace(SEARCHED, at=at)), HI))
    said = '[web_search_call] {"status":"completed","action":{"query":"x"}}'
    assert written.body["input"][1] == {"type": "message", "role": "assistant", "content": said}
    assert lost(written) == {at: "dropped"}


@pytest.mark.parametrize("messages", [(), (user(Text(text=" ")),)], ids=["none", "blank"])
@pytest.mark.parametrize("path", ["messages", "input"])
def test_where_nothing_is_said_nothing_can_be_answered(messages: tuple[Message, ...], path: str) -> None:
    with pytest.raises(Problem, match=f"`{path}` must hold something") as raised:
        spoken("gpt-6-sol", messages=messages, named={"messages": path})
    assert raised.value.param == path


MANY = 20_000


def test_a_long_conversation_costs_what_it_is_long() -> None:
    turns: list[Message] = []
    for number in range(MANY):
        call = replace(CALL, id="c" if number % 2 else f"c{number}")
        turns += [system(A), assistant(THOUGHT, call), user(replace(RESULT, id=call.id))]
    for model in ("gpt-6-sol", "llama-3"):
        body = spoken(model, messages=(HI, *turns)).body
        ids = {item["call_id"] for item in body["input"] if item["type"] == "function_call"}
        assert len(ids) == MANY


def test_many_calls_and_texts_in_one_turn() -> None:
    calls = [replace(CALL, id="c") for _ in range(MANY)]
    blocks = [block for call in calls for block in (Text(text="a"), call)]
    results = user(*(replace(RESULT, id="c") for _ in calls))
    body = spoken("gpt-6-sol", messages=(HI, assistant(*blocks), results)).body
    assert len(body["input"]) == 1 + 3 * MANY
