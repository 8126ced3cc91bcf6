"""Takes as long to be imported as a file `go` is missing beside it."""

from __future__ import annotations

import time
from pathlib import Path

from my_team.models import Parrot

HERE = Path(__file__).parent
(HERE / "begun").touch()
for _ in range(2000):
    if (HERE / "go").exists():
        break
    time.sleep(0.01)

slow = Parrot(model="slow")
