"""The server with the clocks of its WebSockets turned fast: it asks after 0.3 s of silence, and drops after 1.5 s."""

from __future__ import annotations

import sys

from engine.cli import main
from engine.transport import wire

if __name__ == "__main__":
    wire.PING_EVERY, wire.SILENT, wire.PARTING = 0.3, 1.5, 1.0
    sys.exit(main())
