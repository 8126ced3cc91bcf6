"""The turns of a conversation in the order and form that the Messages API insists on.

Protocol facts: anthropic 2.12 (types/message_param.py, types/system_message_param.py), docs of role system.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from engine.chat import Call, Result, Thinking
from engine.dialects.body import refused
from engine.dialects.turns import NO_RESULT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.chat import Message, Role
    from engine.dialects.codec import Losses
    from engine.dialects.messages.families import Claude
    from engine.dialects.messages.write_blocks import Writer

FIRST = "(continued)"
"""What the user says where the conversation begins with the assistant."""
GO_ON = "Continue exactly where you stopped."
"""What the user says where the model would have to go on with its own turn, and cannot."""

Turn = dict[str, Any]


def leading(messages: Sequence[Message]) -> int:
    """Return how many system messages a conversation begins with."""
    return next((place for place, message in enumerate(messages) if message.role != "system"), len(messages))


def write_turns(
    messages: Sequence[Message],
    family: Claude,
    writer: Writer,
    losses: Losses,
    path: str,
    *,
    thinking: bool,
    headed: bool,
) -> list[Turn]:
    """Return `messages` of the body; `messages` are those behind the leading system messages, settled.

    `path` is what the client calls them. `headed`: the leading ones said something. Raises `Problem` (400) where
    nothing at all was said.
    """
    turns = joined(placed(messages, family, writer, losses))
    if not turns and not headed:
        raise refused(f"`{path}` must hold something to answer: there is none, or all are empty", path)
    at = messages[0].at if messages else path
    if not turns or turns[0]["role"] != "user":
        losses.dropped(at, f"a conversation begins with the user: {FIRST!r} stands in front")
        turns.insert(0, {"role": "user", "content": [{"type": "text", "text": FIRST}]})
    if turns[-1]["role"] == "assistant":
        end(turns, messages[-1], family, losses, thinking=thinking)
    return turns


def placed(messages: Sequence[Message], family: Claude, writer: Writer, losses: Losses) -> list[Turn]:
    """Return the turns one by one, system messages in place where that is legal, else as a reminder of the user's."""
    written = [
        (message, blocks)
        for message in messages
        if (blocks := writer.texts(message) if message.role == "system" else writer.turn(message))
    ]
    roles = [message.role for message, _ in written]
    in_place = family.system_turns and "system_role" not in family.refused
    places = legal(roles) if in_place else frozenset()
    turns: list[Turn] = []
    for place, (message, blocks) in enumerate(written):
        if message.role != "system" or place in places:
            turns.append({"role": message.role, "content": blocks})
            continue
        losses.approximated(message.at, "a system message at this place goes as a reminder in the user's turn")
        for text in blocks:
            text["text"] = f"<system-reminder>\n{text['text']}\n</system-reminder>"
        turns.append({"role": "user", "content": blocks})
    return turns


def legal(roles: Iterable[Role]) -> frozenset[int]:
    """Return where a system message may stand: behind a user's turn, and last or before the assistant's."""
    found: set[int] = set()
    run: list[int] = []
    before: Role | None = None
    for place, role in enumerate(roles):
        if role == "system":
            run.append(place)
            continue
        if before == "user" and role == "assistant":
            found.update(run)
        before, run = role, []
    return frozenset(found.union(run) if before == "user" else found)


def joined(turns: Sequence[Turn]) -> list[Turn]:
    found: list[Turn] = []
    for turn in turns:
        if found and found[-1]["role"] == turn["role"]:
            found[-1]["content"].extend(turn["content"])
        else:
            found.append(turn)
    return found


def end(turns: list[Turn], last: Message, family: Claude, losses: Losses, *, thinking: bool) -> None:
    """Give a conversation that ends with the assistant an end from which the model can go on."""
    blocks = turns[-1]["content"]
    calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    if calls:
        losses.dropped(last.at, "calls without results; the model is told so")
        results = [{"type": "tool_result", "tool_use_id": id_, "content": NO_RESULT, "is_error": True} for id_ in calls]
        turns.append({"role": "user", "content": results})
        return
    if not family.prefill or thinking or "prefill" in family.refused:
        losses.dropped(last.at, "this model does not go on with a turn of its own: it is asked to continue")
        turns.append({"role": "user", "content": [{"type": "text", "text": GO_ON}]})
        return
    if blocks[-1]["type"] == "text":
        blocks[-1]["text"] = blocks[-1]["text"].rstrip()


def headless(messages: Sequence[Message]) -> bool:
    """Say whether the turn that is going on called tools and has lost the thinking that led to them."""
    if not messages or not any(isinstance(block, Result) for block in messages[-1].blocks):
        return False
    last = next((message for message in reversed(messages) if message.role == "assistant"), None)
    if last is None or not any(isinstance(block, Call) for block in last.blocks):
        return False
    sealed = (block for block in last.blocks if not (isinstance(block, Thinking) and not is_sealed(block)))
    return not isinstance(next(sealed, None), Thinking)


def unthought(messages: Sequence[Message], losses: Losses) -> tuple[Message, ...]:
    """Return the messages without the thinking of the assistant, whose seals the upstream does not take."""
    found = []
    for message in messages:
        for block in message.blocks:
            if isinstance(block, Thinking):
                losses.approximated(block.at, "thinking that this model does not take back")
        blocks = tuple(block for block in message.blocks if not isinstance(block, Thinking))
        if blocks:
            found.append(replace(message, blocks=blocks))
    return tuple(found)


def is_sealed(block: Thinking) -> bool:
    return block.signature is not None or block.sealed is not None
