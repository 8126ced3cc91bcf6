"""Earlier turns as text: `claude` takes only messages of the user, so a past that no session of its own holds is told.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.upstreams.drivers.claude_code.asked import TAKEN, blocks

if TYPE_CHECKING:
    from engine.upstreams.drivers.claude_code.asked import Block, Message

BEGIN = "<conversation>\nWhat has been said so far, oldest first. Go on from its end.\n"
END = "</conversation>\n"


def prompt(before: list[Message], new: list[Message]) -> list[Block]:
    """Return the content of the one message of the user that says it all."""
    if not before:
        return plain([block for message in new for block in message["content"]])
    told: list[Block] = [_text(BEGIN)]
    for message in before:
        told += [_text(f"<{message['role']}>"), *plain(message["content"]), _text(f"</{message['role']}>\n")]
    told += [_text(END), *plain([block for message in new for block in message["content"]])]
    return joined(told)


def plain(content: list[Block]) -> list[Block]:
    """Return blocks as a user may send them; calls of tools and their results become text."""
    found: list[Block] = []
    for block in content:
        match block["type"]:
            case "tool_use":
                call = msgspec.json.encode(block.get("input")).decode()
                found.append(_text(f"<call id={block.get('id')} tool={block.get('name')}>{call}</call>"))
            case "tool_result":
                found.append(_text(f"<result of={block.get('tool_use_id')}{' error' * bool(block.get('is_error'))}>"))
                found += [*plain(blocks(block.get("content"))), _text("</result>")]
            case kind if kind in TAKEN:
                found.append(block)
    return found or [_text("(nothing)")]


def joined(content: list[Block]) -> list[Block]:
    """Return the same content, texts in a row as one block."""
    found: list[Block] = []
    for block in content:
        if found and block["type"] == "text" == found[-1]["type"]:
            found[-1] = _text(f"{found[-1]['text']}\n{block['text']}")
        else:
            found.append(block)
    return found


def results(block: Block, beside: list[Block]) -> dict[str, Any]:
    """Return a `tool_result` as the result of an MCP call (mcp 2.3, types.CallToolResult), with what is said beside."""
    content: list[dict[str, Any]] = []
    for one in [*blocks(block.get("content")), *beside]:
        source = one.get("source")
        if one["type"] == "text":
            content.append({"type": "text", "text": str(one.get("text", ""))})
        elif one["type"] == "image" and isinstance(source, dict) and source.get("type") == "base64":
            content.append({"type": "image", "data": source.get("data"), "mimeType": source.get("media_type")})
        else:
            content.append({"type": "text", "text": msgspec.json.encode(one).decode()})
    return {"content": content, "isError": bool(block.get("is_error"))}


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
