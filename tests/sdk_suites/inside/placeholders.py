"""Loaded into the SDK's own pytest: puts real things in the place of what only a mock would know.

The tests of the Responses API name responses that nobody made, and ask for some without a model or an input. Both are
filled in where the SDK lets its users change a request before it is sent; the requests go from the SDK to Turnout, and
the answers back, as always.
"""

import json
import urllib.request

import ends

try:
    import openai
except ImportError:  # the environment of the other SDK
    openai = None

MADE_UP = ("resp_677efb5139a88190b512bc3fef8e535d", "resp_123", "response_id", "previous_response_id")
"""The ids that the tests use."""
ASKED = {"model": "gpt-6-astra", "input": "string"}
"""What the tests that send everything send."""
CREATES = ("/responses", "/responses/input_tokens")


def made(client) -> str:
    """Make a response, as the client's caller, and return its id."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {client.api_key}"}
    url = str(client.base_url).rstrip("/") + "/responses"
    request = urllib.request.Request(url, json.dumps(ASKED).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["id"]


def complete(client, options) -> None:
    """Fill in what a request leaves open."""
    path, question, query = options.url.partition("?")
    steps = path.split("/")
    if steps[:2] != ["", "responses"]:
        return
    if len(steps) > 2 and steps[2] in MADE_UP:
        options.url = "/".join([*steps[:2], made(client), *steps[3:]]) + question + query
        ends.filled.add(path)
    if path not in CREATES:
        return
    body = options.json_data
    if body.get("previous_response_id") in MADE_UP:
        body = {**body, "previous_response_id": made(client)}
    if body is not options.json_data or not ASKED.keys() <= body.keys():
        options.json_data = {**ASKED, **body}
        ends.filled.add(path)


if openai is not None:
    prepared, prepared_async = openai.OpenAI._prepare_options, openai.AsyncOpenAI._prepare_options

    def prepare(self, options):
        complete(self, options)
        return prepared(self, options)

    async def prepare_async(self, options):
        complete(self, options)
        return await prepared_async(self, options)

    openai.OpenAI._prepare_options, openai.AsyncOpenAI._prepare_options = prepare, prepare_async
