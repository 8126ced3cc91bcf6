"""What a model thinks before it calls or speaks, and how its vendor makes sure that it was thought so, and where.

Stateless: a thought follows from the ids of the calls that it leads to.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Shown = Literal["summarized", "omitted"]


def thought(ids: Sequence[str]) -> str:
    """Return what the model thinks before it makes the calls with these ids, or before it says something."""
    numbers = [re.sub(r".*_", "", one) for one in ids]
    return f"I am going to make calls {' and '.join(numbers)}." if ids else "I have got all that I need."


def signed(ids: Sequence[str], bound: str = "") -> str:
    """Return the signature on that thought, which nobody but its vendor can make; `bound`: it counts only there."""
    secret = f"only the vendor knows this {thought(ids)} {ids} {bound}"
    return base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()


def encrypted(ids: Sequence[str]) -> str:
    """Return that thought as OpenAI gives it to clients, so that only its vendor can read it."""
    return f"gAAAA{base64.urlsafe_b64encode(json.dumps([*ids]).encode()).decode()}.{signed(ids, 'encrypted')}"


def decrypted(content: str) -> list[str] | None:
    """Return the ids of the calls that an encrypted thought led to; None if its vendor has not encrypted it so."""
    found = re.fullmatch(r"gAAAA([\w=-]+)\..+", content)
    ids: list[str] = json.loads(base64.urlsafe_b64decode(found.group(1))) if found else []
    return ids if content == encrypted(ids) else None


def reasons(body: dict[str, Any]) -> bool:
    """Say whether a model of OpenAI's thinks before it answers `body`."""
    return (body.get("reasoning") or {}).get("effort") != "none" and not re.match(r"gpt-[34]|chatgpt", body["model"])


def bond(model: str, messages: Sequence[dict[str, Any]]) -> str:
    """Return what binds a thought to the messages before it, for the models that do so."""
    if not model.endswith("-5-5"):
        return ""
    return json.dumps([_bare({**one, "content": _blocks(one["content"])}) for one in messages], sort_keys=True)


def _blocks(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _bare(value: Any) -> Any:
    """Return `value` without marks for the cache: they move on with every turn."""
    if isinstance(value, dict):
        return {name: _bare(inner) for name, inner in value.items() if name != "cache_control"}
    return [_bare(inner) for inner in value] if isinstance(value, list) else value


def shown(body: dict[str, Any]) -> Shown | None:
    """Say how a model shows its thoughts to who sends `body`; None if it is not to think. Newer ones think untold."""
    wish = body.get("thinking") or {}
    newer = bool(re.search(r"-5(-5)?$", body["model"])) and "-4-" not in body["model"]
    if wish.get("type", "adaptive" if newer else "disabled") == "disabled":
        return None
    told = wish.get("display", "summarized" if re.search(r"-4-[56]$", body["model"]) else "omitted")
    return "summarized" if told == "summarized" else "omitted"
