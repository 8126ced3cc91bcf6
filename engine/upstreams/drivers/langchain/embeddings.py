"""LangChain's embeddings, in the form of OpenAI's API (openai 3.54: types/create_embedding_response.py)."""

from __future__ import annotations

import base64
import sys
from array import array
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from engine.chat import Failed, Failure
from engine.dialects import OPENAI
from engine.dialects.body import mismatch, refused

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings


class Asked(Struct):
    """A request, as far as LangChain can be told of it."""

    input: str | list[str | int | list[int]]
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    encoding_format: Literal["float", "base64"] | None = None


ASKED = msgspec.json.Decoder(Asked)


async def answer(model: Embeddings, body: bytes, name: str) -> bytes:
    """Return the answer. Raises `Problem` (400) for what LangChain has no way to ask."""
    try:
        asked = ASKED.decode(body)
    except msgspec.ValidationError as error:
        raise mismatch(error, "") from None
    texts = [asked.input] if isinstance(asked.input, str) else [one for one in asked.input if isinstance(one, str)]
    if not isinstance(asked.input, str) and len(texts) < len(asked.input):
        raise refused("`input` holds tokens, which this upstream cannot read; send text", "input")
    if not texts:
        raise refused("`input` is empty", "input")
    if asked.dimensions is not None:
        if "dimensions" not in getattr(type(model), "model_fields", {}):
            raise refused("`dimensions`: the vectors of this model have a fixed length", "dimensions")
        model = model.model_copy(update={"dimensions": asked.dimensions})  # type: ignore[attr-defined]  # it has fields
    vectors = await model.aembed_documents(texts)
    if len(vectors) != len(texts) or not all(map(is_vector, vectors)):
        message = f"the code gave no vector of numbers for each of {len(texts)} texts"
        raise Failed(Failure(reason="server_error", message=message))
    form = packed if asked.encoding_format == "base64" else list
    data = [{"object": "embedding", "index": at, "embedding": form(one)} for at, one in enumerate(vectors)]
    given = OPENAI.depth("embeddings", body).input_tokens
    usage = {"prompt_tokens": given, "total_tokens": given}
    return msgspec.json.encode({"object": "list", "data": data, "model": name, "usage": usage})


def is_vector(found: object) -> bool:
    """Say whether `found` holds nothing but finite numbers."""
    try:
        return len(found) > 0 and all(isfinite(one) for one in found)  # type: ignore[arg-type, attr-defined]  # tried
    except TypeError:
        return False


def packed(vector: list[float]) -> str:
    """Return the base64 of little-endian float32, which the vendor's SDKs ask for by default."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
