"""The blocks of a turn, written for the Messages API.

Protocol facts: anthropic 2.12 (types/*_block_param.py).
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any

from engine.chat import Audio, Call, File, Image, Opaque, Problem, Refusal, Result, Text, Thinking
from engine.dialects.clip import clipped
from engine.dialects.messages.write_arguments import write_arguments
from engine.dialects.rendering import rendered

if TYPE_CHECKING:
    from engine.chat import Block, Message
    from engine.dialects.codec import Losses
    from engine.dialects.messages.breakpoints import Breakpoints
    from engine.dialects.messages.families import Claude
    from engine.dialects.names import Names

VENDOR = "anthropic"
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
OUTPUTS = ("_output", "_response")
"""How the kinds of blocks end in which a user answers a tool that only another vendor has."""
LEGAL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Ids:
    """The ids of tool calls as the API takes them: of its own characters, and no two calls of a request with the same.

    The same id becomes the same in every request of a conversation, so that prompt caches hold.
    """

    def __init__(self) -> None:
        self._uses: dict[str, int] = {}
        self._open: list[tuple[str, str]] = []

    def call(self, id_: str) -> str:
        uses = self._uses.get(id_, 0)
        self._uses[id_] = uses + 1
        sent = id_ if LEGAL_ID.fullmatch(id_) and not uses else hashed(f"{uses}:{id_}" if uses else id_)
        self._open.append((id_, sent))
        return sent

    def result(self, id_: str) -> str:
        """Return what the open call of this id was sent as."""
        place = next((place for place, (mine, _) in enumerate(self._open) if mine == id_), None)
        return hashed(id_) if place is None else self._open.pop(place)[1]


def hashed(id_: str) -> str:
    digest = hashlib.sha256(id_.encode("utf-8", "surrogatepass")).digest()
    return "call_" + base64.b32encode(digest[:15]).decode().lower()


class Writer:
    """Writes the blocks of one request."""

    def __init__(self, family: Claude, names: Names, marks: Breakpoints, losses: Losses, detail: str) -> None:
        """`detail` is what the client calls the detail of an image."""
        self._family = family
        self._detail = detail
        self._names = names
        self._marks = marks
        self._losses = losses
        self._ids = Ids()
        self.thoughts = False
        """Whether thinking was written."""

    def turn(self, message: Message) -> list[dict[str, Any]]:
        """Return the blocks of a user's or the assistant's turn; none if nothing of it can be sent."""
        write = self._of_assistant if message.role == "assistant" else self._of_user
        if message.name is not None:
            self._losses.dropped(f"{message.at}.name", "participants have no names in the Messages API")
        blocks = [found for block in message.blocks if (found := write(block)) is not None]
        return calls_behind_texts(blocks) if message.role == "assistant" else blocks

    def texts(self, message: Message) -> list[dict[str, Any]]:
        """Return the texts of a system message."""
        if message.name is not None:
            self._losses.dropped(f"{message.at}.name", "participants have no names in the Messages API")
        found = []
        for block in message.blocks:
            if isinstance(block, Text):
                if block.text.strip():
                    found.append(self._marked({"type": "text", "text": block.text}, block))
            else:
                self._losses.dropped(block.at, "a system message holds nothing but text")
        return found

    def _of_user(self, block: Block) -> dict[str, Any] | None:
        if isinstance(block, Result):
            return self._result(block)
        if isinstance(block, Text):
            return self._text(block)
        if isinstance(block, Opaque) and block.vendor != VENDOR and block.kind.endswith(OUTPUTS):
            return self._told(block)
        return self._marked(self._part(block), block)

    def _of_assistant(self, block: Block) -> dict[str, Any] | None:
        if isinstance(block, Text):
            return self._text(block)
        if isinstance(block, Refusal):
            self._losses.approximated(block.at, "a refusal goes as text")
            return self._marked({"type": "text", "text": block.text}, block)
        if isinstance(block, Call):
            return self._call(block)
        if isinstance(block, Thinking):
            return self._thinking(block)
        if isinstance(block, Opaque):
            return block.raw if block.vendor == VENDOR else self._told(block)
        self._losses.dropped(block.at, "an assistant turn of the Messages API has no place for it")
        return None

    def _text(self, block: Text) -> dict[str, Any] | None:
        return self._marked({"type": "text", "text": block.text}, block) if block.text.strip() else None

    def _told(self, block: Opaque) -> dict[str, Any] | None:
        """Return what is left of a block that only another vendor knows: its text."""
        self._losses.dropped(block.at, f"a {clipped(block.kind)} is known to its vendor only; its text remains")
        text = rendered(block)
        return self._marked({"type": "text", "text": text}, block) if text else None

    def _call(self, block: Call) -> dict[str, Any]:
        if block.kind == "custom":
            self._losses.approximated(block.at, "free text goes as the one argument `input`")
        written = {
            "type": "tool_use",
            "id": self._ids.call(block.id),
            "name": self._names.send(block.name),
            "input": write_arguments(block, self._losses),
        }
        return self._marked(written, block)

    def _thinking(self, block: Thinking) -> dict[str, Any] | None:
        if not self._family.thinking:
            self._losses.approximated(block.at, "this model does not think")
            return None
        if block.sealed is None and block.signature is None:
            self._losses.approximated(block.at, "reasoning without the seal of who thought it")
            return None
        self.thoughts = True
        if block.sealed is not None:
            return {"type": "redacted_thinking", "data": block.sealed}
        return {"type": "thinking", "thinking": block.text, "signature": block.signature}

    def _result(self, block: Result) -> dict[str, Any]:
        written: dict[str, Any] = {"type": "tool_result", "tool_use_id": self._ids.result(block.id)}
        parts = [part for part in block.parts if not (isinstance(part, Text) and not part.text.strip())]
        marked: Block = block
        if len(parts) == 1 and isinstance(parts[0], Text):
            written["content"] = parts[0].text
            marked = parts[0] if block.cache is None else block
        elif parts:
            written["content"] = [self._marked(self._part(part), part) for part in parts]
        if block.error:
            written["is_error"] = True
        return self._marked(written, marked)

    def _part(self, part: Block) -> dict[str, Any]:
        """Return a part that may stand in a user's turn or in a result. Raises `Problem` (400) for any other."""
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, File):
            return document(part)
        if isinstance(part, Opaque) and part.vendor == VENDOR:
            return part.raw
        raise unknown(part)

    def _image(self, image: Image) -> dict[str, Any]:
        if image.detail not in (None, "auto"):
            self._losses.approximated(f"{image.at}.{self._detail}", "the Messages API looks at images in one way only")
        if image.data is not None:
            if image.media_type not in IMAGES:
                kind = clipped(image.media_type or "unknown")
                raise refused(image, f"is of type {kind}; the Messages API takes JPEG, PNG, GIF and WebP")
            return {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.data}}
        url = image.url or ""
        if not url.lower().startswith(("http://", "https://")):
            raise refused(image, "is neither an http URL nor a data URL; send the image as data:TYPE;base64,DATA")
        return {"type": "image", "source": {"type": "url", "url": url}}

    def _marked(self, written: dict[str, Any], block: Block) -> dict[str, Any]:
        self._marks.put(written, block.cache, block.at)
        return written


def document(file: File) -> dict[str, Any]:
    if file.text is not None:
        source = {"type": "text", "media_type": "text/plain", "data": file.text}
    elif file.url is not None:
        source = {"type": "url", "url": file.url}
    elif file.media_type == "application/pdf":
        source = {"type": "base64", "media_type": file.media_type, "data": file.data or ""}
    else:
        kind = clipped(file.media_type or "unknown")
        raise refused(file, f"is of type {kind}; the Messages API takes PDF and plain text")
    written: dict[str, Any] = {"type": "document", "source": source}
    if file.name:
        written["title"] = file.name
    if file.context:
        written["context"] = file.context
    return written


def unknown(part: Block) -> Problem:
    if isinstance(part, Audio):
        return refused(part, "is sound, which the Messages API does not take; send its text")
    if isinstance(part, Opaque) and part.kind == "file":
        return refused(part, "is a file stored at OpenAI, which another API cannot read; send it as file_data")
    kind = part.kind if isinstance(part, Opaque) else type(part).__name__.lower()
    return refused(part, f"is of the kind {clipped(kind)}, for which the Messages API has no counterpart; leave it out")


def refused(part: Block, why: str) -> Problem:
    return Problem(400, "unsupported_parameter", f"`{part.at}` {why}", param=part.at)


def calls_behind_texts(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the blocks of an assistant turn with the texts that stand behind its first call in front of it."""
    first = next((place for place, block in enumerate(blocks) if block["type"] == "tool_use"), len(blocks))
    late = [block for block in blocks[first:] if block["type"] == "text"]
    return [*blocks[:first], *late, *(block for block in blocks[first:] if block["type"] != "text")]
