"""Where the process listens: a TCP port or a unix socket, with or without TLS. Changing any of it needs a restart."""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.plan.server import UNIX
from engine.serve.alone import alone
from engine.transport.certificates import Renewable, server_context

if TYPE_CHECKING:
    from engine.transport.certificates import Certificates

BACKLOG = 2048
OWNER_ONLY = 0o177
"""What is taken away from the permissions of a unix socket: whoever may write to it may call."""


class Listener:
    """A bound socket, and the TLS spoken on it."""

    def __init__(self, address: str, tls: Certificates | None = None, *, reuse_port: bool = False) -> None:
        """Listen at `host:port` or `unix:/path`; port 0 takes a free one. Raises `OSError`, `ValueError`.

        It listens at once: bound alone, a port is for others to bind as well, and a unix socket looks left behind. Who
        connects before there is a server waits.
        """
        self.tls = tls
        self.context = Renewable.of(server_context(tls)) if tls is not None else None
        self.path: Path | None = None
        self._inode = 0
        if address.startswith(UNIX):
            self.path = Path(address.removeprefix(UNIX))
            self.sock = _bind_unix(self.path)
            self._inode = self.path.stat().st_ino
        else:
            self.sock = _bind(address, reuse_port=reuse_port)

    @property
    def url(self) -> str:
        """Where it is reached, as people write it."""
        if self.path is not None:
            return f"{UNIX}{self.path}"
        scheme = "https" if self.context is not None else "http"
        host, port = self.sock.getsockname()[:2]
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def renew(self) -> None:
        """Have new connections see what the files of the start hold now. Raises `OSError`, `Unusable`."""
        if self.context is not None and self.tls is not None:
            self.context.current = server_context(self.tls)

    def close(self) -> None:
        """Close the socket, and remove its file if it is still ours."""
        self.sock.close()
        if self.path is not None:
            try:
                if self.path.stat().st_ino == self._inode:
                    self.path.unlink()
            except OSError:
                pass  # somebody else was quicker


def _bind(address: str, *, reuse_port: bool) -> socket.socket:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    try:
        if sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host.strip("[]"), int(port)))
        sock.listen(BACKLOG)
    except (OSError, ValueError, OverflowError, AttributeError):
        sock.close()
        raise
    sock.set_inheritable(True)
    return sock


def _bind_unix(path: Path) -> socket.socket:
    """Bind a socket that only this user may reach. One that nobody listens on any more is replaced."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with alone(path.parent):
            if _is_stale(path):
                path.unlink()
            before = os.umask(OWNER_ONLY)
            try:
                sock.bind(str(path))
            finally:
                os.umask(before)
            sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _is_stale(path: Path) -> bool:
    """Say whether `path` is a socket that a process left behind; any other file is for `bind` to stumble over."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            return False
    except OSError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.settimeout(1.0)
        try:
            knock.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
