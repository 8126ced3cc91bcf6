"""Echo in the form of embeddings (openai 3.54: types/create_embedding_response.py)."""

from __future__ import annotations

import base64
import hashlib
import math
import sys
from array import array
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from engine.dialects import OPENAI

SIZE = 256
"""The length of a vector where the request does not say."""


class Embeddings(Struct):
    """A request, as far as echo reads it."""

    input: str | list[str | int | list[int]]
    dimensions: Annotated[int, Meta(ge=1, le=8192)] | None = None
    encoding_format: Literal["float", "base64"] | None = None

    @property
    def texts(self) -> list[str]:
        """One text for each vector; an array of tokens is one input."""
        if isinstance(self.input, str):
            return [self.input]
        if self.input and all(isinstance(one, int) for one in self.input):
            return [str(self.input)]
        return [str(one) for one in self.input]


EMBEDDINGS = msgspec.json.Decoder(Embeddings)


def answer(body: bytes, model: str, _demo: bool) -> tuple[bool, list[bytes]]:
    """Return that the answer is no stream, and its one piece. Raises `msgspec.ValidationError`."""
    request = EMBEDDINGS.decode(body)
    as_text = request.encoding_format == "base64"
    data = []
    for index, text in enumerate(request.texts):
        numbers = vector(text, request.dimensions or SIZE)
        data.append(
            {"object": "embedding", "index": index, "embedding": packed(numbers) if as_text else numbers.tolist()}
        )
    given = OPENAI.depth("embeddings", body).input_tokens
    usage = {"prompt_tokens": given, "total_tokens": given}
    return False, [msgspec.json.encode({"object": "list", "data": data, "model": model, "usage": usage})]


def vector(text: str, size: int) -> array[float]:
    """Return a vector of length 1 that the same text always has: single precision, as the wire form has it."""
    numbers = array("h", hashlib.shake_256(text.encode()).digest(size * 2))
    norm = math.sqrt(sum(number * number for number in numbers)) or 1.0
    return array("f", [number / norm for number in numbers])


def packed(numbers: array[float]) -> str:
    """Return the base64 of little-endian float32, which the vendor's SDKs ask for by default."""
    if sys.byteorder == "big":
        numbers = array("f", numbers)
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
