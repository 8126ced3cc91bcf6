"""The shipped files, found from a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import resources

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["proxy.yaml", "schema/proxy.schema.json", "templates/clients/curl.md.j2"])
def test_in_a_checkout_files_lie_beside_the_package(name: str) -> None:
    found = resources.path(name)
    assert found == ROOT / name
    assert found.is_file()


def test_an_extra_is_installed_by_one_command_that_a_shell_takes_as_it_is() -> None:
    assert resources.extra("langchain") == "pip install 'turnout[langchain]'"
