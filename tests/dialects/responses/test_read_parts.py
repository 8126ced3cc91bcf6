"""What the content of a Responses message holds, and what is wrong with parts that cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from engine.chat import Audio, Block, File, Image, Opaque, Problem, Refusal, Text
from tests.dialects.responses.asking import asked, lost

PART = "input[0].content[0]"
PDF, PNG = "JVBERi0xLjQK", "iVBORw0KGgo="

PARTS: dict[str, tuple[dict[str, Any], Block]] = {
    "text": ({"type": "input_text", "text": "Hi"}, Text(text="Hi", at=PART)),
    "text by its name in chat completions": ({"type": "text", "text": "Hi"}, Text(text="Hi", at=PART)),
    "text before a cache breakpoint": (
        {"type": "input_text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
        Text(text="Hi", at=PART, cache="12h"),
    ),
    "an answer": (
        {"type": "output_text", "text": "Hi", "annotations": [], "logprobs": None},
        Text(text="Hi", at=PART),
    ),
    "a refusal": ({"type": "refusal", "refusal": "No."}, Refusal(text="No.", at=PART)),
    "an image in the request": (
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"},
        Image(media_type="image/png", data=PNG, detail="low", at=PART),
    ),
    "an image at an address": (
        {"type": "input_image", "image_url": "https://example.com/cat.png", "file_id": None, "detail": "auto",
         "prompt_cache_breakpoint": {"mode": "explicit"}},
        Image(url="https://example.com/cat.png", detail="auto", at=PART, cache=""),
    ),
    "an image kept at OpenAI": (
        {"type": "input_image", "file_id": "file-1", "detail": "auto"},
        Opaque(vendor="openai", kind="file", raw={"type": "input_image", "file_id": "file-1", "detail": "auto"},
               at=f"{PART}.file_id"),
    ),
    "a document as a data URL": (
        {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
        File(media_type="application/pdf", data=PDF, name="a.pdf", at=PART),
    ),
    "a document as base64": (
        {"type": "input_file", "filename": "a.md", "file_data": "SGk=", "detail": "auto"},
        File(media_type="text/markdown", text="Hi", name="a.md", at=PART),
    ),
    "a document at an address": (
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        File(url="https://example.com/a.pdf", at=PART),
    ),
    "a document kept at OpenAI": (
        {"type": "input_file", "file_id": "file-1"},
        Opaque(vendor="openai", kind="file", raw={"type": "input_file", "file_id": "file-1"}, at=f"{PART}.file_id"),
    ),
    "sound": (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        Audio(data="AAAA", format="wav", at=PART),
    ),
    "something new": (
        {"type": "input_smell", "smell": "rose"},
        Opaque(vendor="openai", kind="input_smell", raw={"type": "input_smell", "smell": "rose"}, at=PART),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("part", "block"), PARTS.values(), ids=PARTS)
def test_parts(part: dict[str, Any], block: Block) -> None:
    request = asked({"role": "user", "content": [part]})
    assert request.messages[0].blocks == (block,)
    assert request.losses == ()


LOST: list[tuple[dict[str, Any], dict[str, str]]] = [
    (
        {"type": "output_text", "text": "Hi", "annotations": [{"type": "url_citation"}]},
        {f"{PART}.annotations": "dropped"},
    ),
    ({"type": "output_text", "text": "Hi", "logprobs": [{"token": "Hi"}]}, {f"{PART}.logprobs": "dropped"}),
    ({"type": "input_file", "file_data": PDF, "detail": "high"}, {f"{PART}.detail": "approximated"}),
]


@pytest.mark.parametrize(("part", "losses"), LOST)
def test_what_other_apis_have_no_place_for(part: dict[str, Any], losses: dict[str, str]) -> None:
    assert lost(asked({"role": "assistant", "content": [part]})) == losses


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"text": "Hi"}, f"{PART}.type"),
    ({"type": "input_text"}, f"{PART}.text"),
    ({"type": "input_text", "text": "Hi", "prompt_cache_breakpoint": True}, f"{PART}.prompt_cache_breakpoint"),
    ({"type": "output_text", "text": "Hi", "annotations": {}}, f"{PART}.annotations"),
    ({"type": "refusal"}, f"{PART}.refusal"),
    ({"type": "input_image"}, f"{PART}.image_url"),
    ({"type": "input_image", "image_url": {"url": "https://example.com"}}, f"{PART}.image_url"),
    ({"type": "input_image", "image_url": "data:image/png,raw"}, f"{PART}.image_url"),
    ({"type": "input_image", "file_id": 1}, f"{PART}.file_id"),
    ({"type": "input_file"}, f"{PART}.file_data"),
    ({"type": "input_file", "file_data": "data:text/plain;base64,/w=="}, f"{PART}.file_data"),
    ({"type": "input_file", "file_url": 1}, f"{PART}.file_url"),
    ({"type": "input_audio"}, f"{PART}.input_audio"),
    ({"type": "input_audio", "input_audio": {"data": "AAAA"}}, f"{PART}.input_audio.format"),
]


@pytest.mark.parametrize(("part", "param"), WRONG)
def test_what_cannot_be_read_is_named(part: dict[str, Any], param: str) -> None:
    with pytest.raises(Problem) as raised:
        asked({"role": "user", "content": [part]})
    assert (raised.value.status, raised.value.code, raised.value.param) == (400, "invalid_request", param)
    assert f"`{param}`" in raised.value.message
