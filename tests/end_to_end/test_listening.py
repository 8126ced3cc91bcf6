"""Where the server listens besides a plain port: TLS with certificates that renew, unix sockets, shared ports."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import stat
import subprocess
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from tests.support.apis import CHAT
from tests.support.http import Line, get, post
from tests.support.script import STALL, as_stream
from tests.support.turnout import ROOT, Turnout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.upstream import Upstream

FILE = """\
version: 1
server: {{{server}}}
observe: {{log: {{format: text}}}}
upstreams: {{up: {{kind: openai, base_url: "{url}", api_key: env:TEST_OPENAI_KEY}}}}
models: {{smart-chat: up/gpt-5.5}}
keys: {{anonymous: {{}}}}
"""
TLS = "tls: {cert: cert.pem, key: file:key.pem}"


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


def certify(folder: Path, ca: trustme.CA, name: str = "localhost") -> None:
    made = ca.issue_cert(name, "127.0.0.1", common_name=name)
    (folder / "cert.pem").write_bytes(b"".join(one.bytes() for one in made.cert_chain_pems))
    (folder / "key.pem").write_bytes(made.private_key_pem.bytes())


@pytest.fixture
def secure(tmp_path: Path, openai: Upstream, ca: trustme.CA) -> Iterator[Turnout]:
    certify(tmp_path, ca)
    server = Turnout(tmp_path, FILE.format(server=TLS, url=openai.url))
    yield server
    server.stop()


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


class Asked:
    """One request over TLS: its answer, and what was negotiated."""

    def __init__(
        self, url: str, context: ssl.SSLContext, target: str = "/v1/models", body: Any = None, **headers: str
    ) -> None:
        host, _, port = url.removeprefix("https://").partition(":")
        line = http.client.HTTPSConnection(host, int(port), context=context, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        line.request(
            "POST" if body else "GET",
            target,
            json.dumps(body) if body else None,
            {"content-type": "application/json", **named},
        )
        sock: ssl.SSLSocket = line.sock  # type: ignore[assignment]
        self.version, self.alpn = sock.version(), sock.selected_alpn_protocol()
        self.serial = dict(sock.getpeercert() or {})["serialNumber"]  # type: ignore[arg-type]
        answer = line.getresponse()
        self.status, self.body = answer.status, answer.read()
        line.close()


def test_https(secure: Turnout, ca: trustme.CA, openai: Upstream) -> None:
    assert secure.url.startswith("https://127.0.0.1:")
    context = trusting(ca)
    context.set_alpn_protocols(["h2", "http/1.1"])
    asked = Asked(secure.url, context, CHAT.path, CHAT.body(stream=True))
    assert (asked.status, asked.alpn) == (200, "http/1.1")
    assert CHAT.terminal in asked.body
    assert asked.version == "TLSv1.3"


def test_tls_of_the_last_century_is_refused_and_plain_http_too(secure: Turnout, ca: trustme.CA) -> None:
    old = trusting(ca)
    with warnings.catch_warnings(action="ignore"):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        Asked(secure.url, old)
    with Line(secure.url.replace("https", "http")) as line:
        line.ask("GET", "/health")
        assert line.socket.recv(100)[:5] != b"HTTP/"
    assert Asked(secure.url, trusting(ca)).status == 200
    assert "Traceback" not in secure.log()


def test_the_scheme_of_an_origin_is_compared_with_https(secure: Turnout, ca: trustme.CA) -> None:
    host = secure.url.removeprefix("https://")
    context = trusting(ca)
    assert Asked(secure.url, context, origin=f"https://{host}").status == 200
    assert Asked(secure.url, context, origin=f"http://{host}").status == 403


def test_a_renewed_certificate_is_shown_without_a_restart(
    secure: Turnout, ca: trustme.CA, openai: Upstream, tmp_path: Path
) -> None:
    context = trusting(ca)
    first = Asked(secure.url, context).serial
    secure.taken(lambda: certify(tmp_path, ca), "new connections are shown the renewed certificate")
    second = Asked(secure.url, context).serial
    assert second != first
    cert = (tmp_path / "cert.pem").read_bytes()

    secure.taken(lambda: (tmp_path / "cert.pem").write_text("nonsense"), r"bad-certificate[^\n]*")
    assert Asked(secure.url, context).serial == second
    assert json.loads(Asked(secure.url, context, "/health").body)["config"]["last_error"]["code"] == "bad-certificate"

    secure.taken((tmp_path / "cert.pem").unlink, r"unreadable-file[^\n]*")
    assert Asked(secure.url, context).serial == second

    other = trustme.CA().issue_cert("localhost").cert_chain_pems[0].bytes()
    secure.taken(lambda: (tmp_path / "cert.pem").write_bytes(other), r"`key` does not belong to the certificate")
    assert Asked(secure.url, context).serial == second

    secure.taken(lambda: (tmp_path / "cert.pem").write_bytes(cert))
    assert Asked(secure.url, context).serial == second


def test_a_certificate_that_came_with_a_bad_edit_is_shown_once_that_is_mended(
    secure: Turnout, ca: trustme.CA, tmp_path: Path
) -> None:
    context = trusting(ca)
    first, text = Asked(secure.url, context).serial, secure.file.read_text()

    def edit() -> None:
        secure.rewrite(text + "nonsense: 1\n")
        certify(tmp_path, ca)

    secure.taken(edit, r"unknown-key[^\n]*")
    time.sleep(0.5)
    assert Asked(secure.url, context).serial == first
    secure.taken(lambda: secure.rewrite(text), "new connections are shown the renewed certificate")
    assert Asked(secure.url, context).serial != first


def test_clients_must_have_a_certificate_where_their_authority_is_named(
    tmp_path: Path, openai: Upstream, ca: trustme.CA
) -> None:
    certify(tmp_path, ca)
    clients = trustme.CA()
    clients.cert_pem.write_to_path(str(tmp_path / "clients.pem"))
    server = Turnout(tmp_path, FILE.format(server=TLS.replace("}", ", client_ca: clients.pem}"), url=openai.url))
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        Asked(server.url, trusting(ca))
    stranger, known = trusting(ca), trusting(ca)
    trustme.CA().issue_cert("ada@example.com").configure_cert(stranger)
    clients.issue_cert("ada@example.com").configure_cert(known)
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        Asked(server.url, stranger)
    assert Asked(server.url, known).status == 200
    server.stop()


def test_a_client_that_leaves_over_tls_takes_its_upstream_along(
    secure: Turnout, ca: trustme.CA, openai: Upstream
) -> None:
    openai.script(as_stream([*CHAT.parted()[0], STALL]))
    with Line(secure.url.replace("https", "http")) as line:
        line.socket = trusting(ca).wrap_socket(line.socket, server_hostname="127.0.0.1")
        line.ask("POST", CHAT.path, (), CHAT.body(stream=True))
        assert next(line.chunks(line.head())).data
    assert openai.last.left_within(10)


def test_what_needs_a_restart_says_so(secure: Turnout, ca: trustme.CA, tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes((tmp_path / "cert.pem").read_bytes())
    text = secure.file.read_text()
    secure.taken(lambda: secure.rewrite(text.replace("cert.pem", "other.pem")), "restart to apply server.tls")
    secure.taken(
        lambda: secure.rewrite(text.replace("tls:", "listen: unix:/tmp/x, tls:")), "restart to apply server.listen"
    )
    assert Asked(secure.url, trusting(ca)).status == 200


def test_idle_clients_do_not_hold_a_stopping_server(secure: Turnout, ca: trustme.CA) -> None:
    """One has asked and keeps its connection; one is in the middle of its handshake; neither says goodbye."""
    plain = secure.url.replace("https", "http")
    with Line(plain) as kept, Line(plain) as shaking:
        kept.socket = trusting(ca).wrap_socket(kept.socket, server_hostname="127.0.0.1")
        kept.ask("GET", "/health")
        assert kept.answer("GET").status == 200
        shaking.write(b"\x16\x03\x01")
        secure.process.terminate()
        assert secure.process.wait(8) == 0


# unix sockets


class UnixLine(Line):
    """A connection to a unix socket."""

    def __init__(self, path: str) -> None:
        self.host = "localhost"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.buffer, self.at = b"", 0.0
        self._asked: list[tuple[str, bytes]] = []
        self._asking = ("", b"")


@pytest.fixture
def unix(tmp_path: Path, openai: Upstream) -> Callable[[], Turnout]:
    def begin() -> Turnout:
        path = tmp_path / "turnout.sock"
        return Turnout(tmp_path, FILE.format(server="drain: 5s", url=openai.url), args=("--listen", f"unix:{path}"))

    return begin


def test_a_unix_socket(unix: Callable[[], Turnout], tmp_path: Path, openai: Upstream) -> None:
    server = unix()
    path = tmp_path / "turnout.sock"
    assert server.url == f"unix:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with UnixLine(str(path)) as line:
        for stream in (False, True):
            line.ask("POST", CHAT.path, (), CHAT.body(stream=stream))
            assert line.answer().status == 200
        openai.script(as_stream([*CHAT.parted()[0], STALL]))
        line.ask("POST", CHAT.path, (), CHAT.body(stream=True))
        assert next(line.chunks(line.head())).data
    assert openai.last.left_within(10)
    server.stop()
    assert not path.exists()


def test_what_a_crash_left_is_replaced_and_what_lives_is_not(
    unix: Callable[[], Turnout], tmp_path: Path, openai: Upstream
) -> None:
    path = tmp_path / "turnout.sock"
    crashed = unix()
    crashed.process.kill()
    crashed.process.wait(5)
    assert path.exists()
    server = unix()
    with UnixLine(str(path)) as line:
        line.ask("GET", "/health")
        assert line.answer("GET").status == 200
    ended = serve(tmp_path, "--listen", f"unix:{path}")
    assert (ended.returncode, f"already: unix:{path} (process {server.process.pid})" in ended.stderr) == (0, True)
    assert path.exists()
    server.stop()
    path.write_text("a file of somebody else")
    assert serve(tmp_path, "--listen", f"unix:{path}").returncode == 1
    assert path.read_text() == "a file of somebody else"


def test_a_socket_that_a_successor_took_over_is_left_to_it(
    unix: Callable[[], Turnout], tmp_path: Path, openai: Upstream
) -> None:
    path = tmp_path / "turnout.sock"
    old = unix()
    path.unlink()
    new = unix()
    old.stop()
    with UnixLine(str(path)) as line:
        line.ask("GET", "/health")
        assert line.answer("GET").status == 200
    new.stop()


def serve(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine", "serve", "--config", str(folder / "proxy.yaml"), *args]
    env = {**os.environ, "TEST_OPENAI_KEY": "sk-0123456789abcdef"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=20, check=False)


# one port for several processes


def test_two_processes_share_a_port(tmp_path: Path, openai: Upstream) -> None:
    text = FILE.format(server="drain: 5s", url=openai.url)
    one = Turnout(tmp_path, text, args=("--reuse-port",))
    port = one.url.rpartition(":")[2]
    alone = serve(tmp_path, "--listen", f"127.0.0.1:{port}")
    assert (alone.returncode, f"already: {one.url}" in alone.stderr) == (0, True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "proxy.yaml").write_text(text)
    alone = serve(other, "--listen", f"127.0.0.1:{port}")
    assert (alone.returncode, "Address already in use" in alone.stderr) == (1, True)
    two = Turnout(tmp_path, text, args=("--reuse-port", "--listen", f"127.0.0.1:{port}"))
    answered = [post(one.url, CHAT.path, CHAT.body()) for _ in range(60)]
    assert {one.status for one in answered} == {200}
    processes = {str(one.header("x-turnout-request"))[: len("req_0123456789")] for one in answered}
    assert len(processes) == 2
    one.stop()
    assert all(get(two.url, "/health").status == 200 for _ in range(5))
    two.stop()
