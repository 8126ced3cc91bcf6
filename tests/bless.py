"""Writes every golden file anew: `python -m tests.bless`. Look at the difference before committing it."""

from __future__ import annotations

from tests.cli import test_main, test_mistakes
from tests.config import corpus
from tests.dialects.contract import reference
from tests.end_to_end.faults import house as faults

GOLDENS = (corpus.bless, test_main.bless, test_mistakes.bless, reference.bless, faults.bless)


def main() -> None:
    for write in GOLDENS:
        write()


if __name__ == "__main__":
    main()
