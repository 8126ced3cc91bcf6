"""A stand-in for `claude`: the stdio protocol that claude-agent-sdk drives (stream-json), and a model that obeys.

Run as a program by Turnout through `command`; it knows nothing of Turnout. What it is told to do is in the text of the
user: `say WORDS`, `slowly WORDS`, `call NAME {json} & NAME {json}`, `fail KIND`, `die`, `stall`, `ramble`. What tools
answered it says. It writes what happens to it, one JSON object a line, into the file that FAKE_CLAUDE_LOG names.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import uuid
from pathlib import Path

LOG = os.environ.get("FAKE_CLAUDE_LOG", "")
ERRORS = {
    "auth": ("authentication_failed", 401, "Invalid API key · Please run /login"),
    "rate": ("rate_limit", 429, "You've hit your limit"),
    "billing": ("billing_error", 402, "Credit balance is too low"),
    "long": ("invalid_request", 400, "Prompt is too long"),
    "server": ("server_error", 500, "API Error: Internal server error"),
}


def note(event: str, **more: object) -> None:
    """Append a line to the log."""
    if LOG:
        line = json.dumps({"pid": os.getpid(), "at": time.monotonic(), "event": event, **more}) + "\n"
        with open(LOG, "a") as file:
            file.write(line)


class Claude:
    """One process."""

    def __init__(self, argv: list[str]) -> None:
        self.argv = argv
        self.session = str(uuid.uuid4())
        self.model = self.option("--model") or "claude-sonnet-5"
        self.servers = list(json.loads(self.option("--mcp-config") or "{}").get("mcpServers", {}))
        self.lock = threading.Lock()
        self.answers: dict[str, object] = {}
        self.news = threading.Condition()
        self.interrupted = threading.Event()
        self.tools: list[str] = []
        self.turns = 0

    def option(self, name: str) -> str | None:
        for at, word in enumerate(self.argv):
            if word == name:
                return self.argv[at + 1]
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
        return None

    def write(self, message: dict[str, object]) -> None:
        with self.lock:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()

    def say(self, kind: str, **more: object) -> None:
        self.write({"type": kind, "session_id": self.session, "uuid": str(uuid.uuid4()), **more})

    def ask(self, request: dict[str, object]) -> object:
        """Ask the SDK, and wait for what it answers."""
        ident = str(uuid.uuid4())
        self.write({"type": "control_request", "request_id": ident, "request": request})
        with self.news:
            self.news.wait_for(lambda: ident in self.answers or self.interrupted.is_set())
            return self.answers.pop(ident, None)

    def mcp(self, number: int, method: str, params: dict[str, object]) -> dict[str, object]:
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        found = self.ask({"subtype": "mcp_message", "server_name": self.servers[0], "message": message})
        return dict(found or {}).get("mcp_response", {}).get("result", {})  # type: ignore[call-overload, no-any-return]

    def start(self) -> None:
        if not self.servers:
            return
        info = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "claude", "version": "0"}}
        self.mcp(0, "initialize", info)
        note_ = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        self.ask({"subtype": "mcp_message", "server_name": self.servers[0], "message": note_})
        self.tools = [tool["name"] for tool in self.mcp(1, "tools/list", {})["tools"]]  # type: ignore[index, attr-defined]

    def control(self, message: dict[str, object]) -> None:
        request = dict(message["request"])  # type: ignore[call-overload]
        note(str(request["subtype"]))
        if request["subtype"] == "interrupt":
            self.interrupted.set()
            with self.news:
                self.news.notify_all()
        if request["subtype"] == "initialize":
            self.start()
        response = {"subtype": "success", "request_id": message["request_id"], "response": {"commands": []}}
        self.write({"type": "control_response", "response": response})

    def user(self, content: object) -> None:
        """Answer a message of the user."""
        self.turns += 1
        self.interrupted.clear()
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)  # type: ignore[call-overload]
        text = "\n".join(block["text"] for block in blocks if block["type"] == "text")
        note("user", content=blocks, turn=self.turns)
        self.say("system", subtype="init", cwd=os.getcwd(), tools=self.tools, mcp_servers=[], model=self.model)
        order, _, rest = text.splitlines()[-1].partition(" ")
        if order == "die":
            print("sk-ant-oat01-on-standard-error-0123456789", file=sys.stderr, flush=True)
            os._exit(3)
        if order == "stall":
            self.interrupted.wait()
        if order == "fail":
            self.fail(*ERRORS[rest])
        elif order == "call":
            self.calls(rest)
        elif not self.interrupted.is_set():
            self.words(rest if order == "say" else f"{self.turns}: {text}", slow=order == "slowly")
            if order == "ramble":
                self.words("and on", slow=False)
        aborted = self.interrupted.is_set()
        self.result(aborted, terminal="aborted_streaming" if aborted else "completed")

    def fail(self, error: str, status: int, text: str) -> None:
        if error == "rate_limit":
            info = {"status": "rejected", "resetsAt": int(time.time()) + 77, "rateLimitType": "five_hour"}
            self.say("rate_limit_event", rate_limit_info=info)
        message = {"id": "m", "type": "message", "role": "assistant", "model": "<synthetic>", "stop_reason": None}
        self.say(
            "assistant",
            message={**message, "content": [{"type": "text", "text": text}]},
            error=error,
            parent_tool_use_id=None,
        )
        self.result(True, status=status, text=text)
        self.interrupted.set()

    def result(self, error: bool, *, status: int | None = None, text: str = "", terminal: str = "completed") -> None:
        if self.interrupted.is_set() and terminal == "completed":
            return
        self.say(
            "result",
            subtype="success" if not error or status else "error_during_execution",
            is_error=error,
            duration_ms=1,
            duration_api_ms=1,
            num_turns=self.turns,
            stop_reason="end_turn",
            terminal_reason=terminal,
            total_cost_usd=0.25 * self.turns,
            usage={},
            result=text,
            api_error_status=status,
        )

    def calls(self, told: str) -> None:
        """Call tools, as many at once as told, then say what came back; results may hold a further order."""
        wanted = [one.strip().partition(" ") for one in told.split("&")]
        uses = [
            {
                "type": "tool_use",
                "id": f"toolu_{uuid.uuid4().hex}",
                "name": self.known(name),
                "input": json.loads(given or "{}"),
            }
            for name, _, given in wanted
        ]
        results: dict[str, dict[str, object]] = {}

        def call(number: int, use: dict[str, object]) -> None:
            params = {
                "name": str(use["name"]).rpartition("__")[2],
                "arguments": use["input"],
                "_meta": {"claudecode/toolUseId": use["id"]},
            }
            results[str(use["id"])] = self.mcp(number, "tools/call", params)

        running = [threading.Thread(target=call, args=(at + 10, use), daemon=True) for at, use in enumerate(uses)]
        self.message(
            [{"type": "text", "text": "Let me see."}, *uses],
            "tool_use",
            before_end=lambda: [one.start() for one in running],
        )
        for one in running:
            one.join()
        if self.interrupted.is_set():
            return
        came = [results[str(use["id"])] for use in uses]
        note("results", results=came)
        said = [" ".join(str(part.get("text", part["type"])) for part in one["content"]) for one in came]  # type: ignore[attr-defined]
        if said[-1].startswith("call "):
            self.calls(said[-1].removeprefix("call "))
        else:
            self.words(" | ".join(said), slow=False)

    def known(self, name: str) -> str:
        return f"mcp__{self.servers[0]}__{name}"

    def words(self, text: str, slow: bool) -> None:
        self.message([{"type": "text", "text": text}], "end_turn", slow=slow)

    def message(
        self, blocks: list[dict[str, object]], stop: str, *, slow: bool = False, before_end: object = None
    ) -> None:
        """Say one message, as the API streams it."""
        head = {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant", "model": self.model}
        usage = {"input_tokens": 11, "output_tokens": 1, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 0}
        start = {**head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        self.event("message_start", message=start)
        for index, block in enumerate(blocks):
            empty = {**block, "text": ""} if block["type"] == "text" else {**block, "input": {}}
            self.event("content_block_start", index=index, content_block=empty)
            if block["type"] == "text":
                pieces = [f"{word} " for word in str(block["text"]).split(" ")]
                pieces[-1] = pieces[-1][:-1]
                deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
            else:
                told = json.dumps(block["input"])
                deltas = [{"type": "input_json_delta", "partial_json": part} for part in (told[:3], told[3:])]
            for delta in deltas:
                self.event("content_block_delta", index=index, delta=delta)
                if slow and self.interrupted.wait(0.2):
                    return
            self.say("assistant", message={**start, "content": [block]}, parent_tool_use_id=None)
            self.event("content_block_stop", index=index)
        if callable(before_end):
            before_end()
        delta = {"stop_reason": stop, "stop_sequence": None}
        self.event("message_delta", delta=delta, usage={"output_tokens": 7})
        self.event("message_stop")

    def event(self, kind: str, **more: object) -> None:
        self.say("stream_event", event={"type": kind, **more}, parent_tool_use_id=None)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    claude = Claude(sys.argv[1:])
    given = {name: value for name, value in os.environ.items() if value}
    system = claude.option("--system-prompt-file")
    note(
        "start",
        argv=sys.argv[1:],
        env=given,
        cwd=os.getcwd(),
        files=os.listdir("."),
        system=system and Path(system).read_text(),
    )
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "control_request":
            threading.Thread(target=claude.control, args=(message,), daemon=True).start()
        elif message["type"] == "control_response":
            response = message["response"]
            with claude.news:
                claude.answers[response["request_id"]] = response.get("response")
                claude.news.notify_all()
        elif message["type"] == "user":
            note("asked", verbatim=message.get("client_composed"))
            threading.Thread(target=claude.user, args=(message["message"]["content"],), daemon=True).start()
    note("end")


if __name__ == "__main__":
    main()
