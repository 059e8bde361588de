"""The manual pages in man/ are those that the definitions of the commands give."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hlo_tools.cli.app import PANELS, command_module, command_names
from hlo_tools.cli.man import pages

MAN = Path(__file__).parents[2] / "man"


def test_pages_are_current() -> None:
    made = pages()
    kept = {path.name: path.read_text(encoding="utf-8") for path in MAN.glob("*.1")}
    assert sorted(kept) == sorted(made), "run `make man`"
    for name, text in made.items():
        assert kept[name] == text, f"man/{name} is old: run `make man`"


def test_every_option_is_in_the_page() -> None:
    page = pages()["hlo-aot.1"]
    for word in (".It Fl Fl target Ns = Ns Ar TRIPLE", ".It Fl Fl mcpu ", ".Sh EXIT STATUS", ".Sh EXAMPLES"):
        assert word in page


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_pages_pass_lint() -> None:
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", *sorted(map(str, MAN.glob("*.1")))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", command_names())
def test_every_command_is_listed_with_examples(name: str) -> None:
    module = command_module(name)
    assert module.PANEL in PANELS
    assert module.EXAMPLES and all(words.startswith("hlo") or " | hlo " in words for words, _ in module.EXAMPLES)
