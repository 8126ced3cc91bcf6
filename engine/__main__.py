"""`python -m engine`: the command `turnout` without its script."""

from engine.cli import main

raise SystemExit(main())
