"""The normal form of a conversation: what both APIs insist on, whatever the client sent.

After it: no empty texts or turns; users and assistants alternate, save where a system message stands between; the
results of a turn's calls lead the user turn right after it, in the order of the calls, every call with exactly one.
The system messages that a conversation begins with are left as they are.
"""

from __future__ import annotations

from collections import defaultdict, deque
from itertools import chain
from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.chat import Call, Message, Refusal, Result, Text, Thinking

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.chat import Block
    from engine.dialects.codec import Losses

NO_RESULT = "No result was provided."


def settled(messages: Sequence[Message], losses: Losses) -> tuple[Message, ...]:
    """Return `messages` in normal form. Doing it twice changes nothing more."""
    start = next((index for index, message in enumerate(messages) if message.role != "system"), len(messages))
    rest = merged(swept(messages[start:]), losses)
    found: list[Message] = []
    index = 0
    while index < len(rest):
        if rest[index].role == "assistant":
            found.append(rest[index])
            index += 1
        end = next((place for place in range(index, len(rest)) if rest[place].role == "assistant"), len(rest))
        calls = calls_of(found[-1]) if found and found[-1].role == "assistant" else []
        found += answered(calls, rest[index:end], losses)
        index = end
    # a turn that held nothing but results may now stand beside another one
    return (*messages[:start], *merged(found, losses))


def swept(messages: Iterable[Message]) -> list[Message]:
    """Return the messages without what says nothing."""
    found = []
    for message in messages:
        blocks: list[Block] = []
        for block in message.blocks:
            if not is_empty(block):
                blocks.append(block)
            elif block.cache is not None and blocks and blocks[-1].cache is None:
                blocks[-1] = replace(blocks[-1], cache=block.cache)
        if blocks:
            found.append(replace(message, blocks=tuple(blocks)))
    return found


def is_empty(block: Block) -> bool:
    if isinstance(block, Text | Refusal):
        return not block.text.strip()
    return isinstance(block, Thinking) and not (block.text or block.signature or block.sealed)


def merged(messages: Iterable[Message], losses: Losses) -> list[Message]:
    """Return the messages with consecutive ones of a user, and of the assistant, made one turn."""
    runs: list[list[Message]] = []
    for message in messages:
        if runs and runs[-1][0].role == message.role != "system":
            runs[-1].append(message)
        else:
            runs.append([message])
    return [joined(run, losses) for run in runs]


def joined(run: Sequence[Message], losses: Losses) -> Message:
    """Return the messages of one role in a row as one turn."""
    if len(run) == 1:
        return run[0]
    name, at, bare = run[0].name, run[0].at, holds_results_only(run[0])
    for message in run[1:]:
        results = holds_results_only(message)
        if bare:
            name, at = message.name, message.at  # the results know their own places
        elif not results and message.name != name:
            for place, one in ((at, name), (message.at, message.name)):
                if one is not None:
                    losses.dropped(f"{place}.name", "messages of several participants become one turn")
            name = None
        bare = bare and results
    return replace(run[0], blocks=tuple(chain.from_iterable(one.blocks for one in run)), name=name, at=at)


def holds_results_only(message: Message) -> bool:
    return all(isinstance(block, Result) for block in message.blocks)


def calls_of(message: Message) -> list[Call]:
    return [block for block in message.blocks if isinstance(block, Call)]


def answered(calls: Sequence[Call], between: Sequence[Message], losses: Losses) -> list[Message]:
    """Return the turns up to the next assistant's, led by the results of `calls`."""
    waiting: defaultdict[str, deque[int]] = defaultdict(deque)
    for place, call in enumerate(calls):
        waiting[call.id].append(place)
    results: dict[int, Result] = {}
    rest: list[Message] = []
    for message in between:
        blocks: list[Block] = []
        for block in message.blocks:
            if not isinstance(block, Result) or message.role != "user":
                blocks.append(block)
            elif waiting[block.id]:
                results[waiting[block.id].popleft()] = block
            else:
                losses.dropped(block.at or message.at, "no call that this result answers stands right before it")
                blocks += told(block)
        if blocks:
            rest.append(replace(message, blocks=tuple(blocks)))
    if not calls or not between:
        return rest
    for place, call in enumerate(calls):
        if place not in results:
            losses.dropped(call.at, "a call without a result; the model is told so")
            results[place] = Result(id=call.id, parts=(Text(text=NO_RESULT, at=call.at),), error=True, at=call.at)
    lead = next((message.at for message in between if any(isinstance(block, Result) for block in message.blocks)), "")
    turn = Message(role="user", blocks=tuple(results[place] for place in range(len(calls))), at=lead or between[0].at)
    return [turn, *rest]


def told(result: Result) -> list[Block]:
    """Return a result that answers nothing as what the user says."""
    said = "\n".join(part.text for part in result.parts if isinstance(part, Text))
    kind = "error" if result.error else "result"
    others = [part for part in result.parts if not isinstance(part, Text)]
    return [
        Text(text=f"[{kind} of the tool call {result.id}]\n{said}".rstrip(), at=result.at, cache=result.cache),
        *others,
    ]
