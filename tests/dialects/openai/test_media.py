"""What a data URL, bare base64 or an address is as an image or a document."""

from __future__ import annotations

from base64 import b64encode

import pytest

from engine.chat import File, Image, Problem
from engine.dialects.openai.media import document, image

PDF, PNG = "JVBERi0xLjQK", "iVBORw0KGgo="

IMAGES = {
    "a data URL": (f"data:image/png;base64,{PNG}", Image(media_type="image/png", data=PNG)),
    "broken into lines, its type in capitals": (
        f" data:image/PNG;name=a.png;base64, {PNG[:4]}\r\n{PNG[4:]}",
        Image(media_type="image/png", data=PNG),
    ),
    "a type by its other name": (f"data:image/jpg;base64,{PNG}", Image(media_type="image/jpeg", data=PNG)),
    "an address": (" https://example.com/cat.png", Image(url="https://example.com/cat.png")),
}


@pytest.mark.parametrize(("url", "found"), IMAGES.values(), ids=IMAGES)
def test_images(url: str, found: Image) -> None:
    assert image(url, "path", detail=None, at="", cache=None) == found


def test_what_stands_beside_an_image_stays() -> None:
    found = image("https://example.com", "path", detail="low", at="input[0]", cache="30m")
    assert (found.detail, found.at, found.cache) == ("low", "input[0]", "30m")


DOCUMENTS = {
    "a data URL": (f"data:application/pdf;base64,{PDF}", None, File(media_type="application/pdf", data=PDF)),
    "base64, told by its bytes": (PDF, None, File(media_type="application/pdf", data=PDF)),
    "base64, told by its name": ("SGk=", "A.CSV", File(media_type="text/csv", text="Hi", name="A.CSV")),
    "base64 of nothing known": ("SGk=", "a.bin", File(data="SGk=", name="a.bin")),
    "a text": (f"data:text/x-python;base64,{b64encode(b'pass').decode()}", "a.py",
               File(media_type="text/x-python", text="pass", name="a.py")),
    "an image": (f"data:image/png;base64,{PNG}", "a.png", Image(media_type="image/png", data=PNG)),
    "an address": ("https://example.com/a.pdf", None, File(url="https://example.com/a.pdf")),
}  # fmt: skip


@pytest.mark.parametrize(("content", "name", "found"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_documents(content: str, name: str | None, found: File | Image) -> None:
    assert document(content, "path", name=name, at="", cache=None) == found


@pytest.mark.parametrize(
    "content", ["data:", "data:text/plain,raw", "data:text/plain;base64,/w==", "data:text/plain;base64,%"]
)
def test_what_cannot_be_read_is_named(content: str) -> None:
    with pytest.raises(Problem) as raised:
        document(content, "input[0].file_data", name=None, at="input[0]", cache=None)
    assert (raised.value.status, raised.value.param) == (400, "input[0].file_data")
