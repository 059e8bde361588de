"""What holds for every command: help, options, exit codes, and what goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from console import hlo

from hlo_tools import __version__
from hlo_tools.cli.app import command_names
from hlo_tools.cli.commands import explain


def test_version() -> None:
    assert hlo("--version").out == f"hlo-tools {__version__}\n"
    assert hlo("--color=never", "--version").out == f"hlo-tools {__version__}\n"


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_help_lists_every_command(words: tuple[str, ...]) -> None:
    done = hlo(*words)
    assert done.code == 0 and not done.err
    listed = {line.split()[0] for line in done.out.splitlines() if line.startswith("  ") and line[2:3].isalpha()}
    assert set(command_names()) <= listed


@pytest.mark.parametrize("name", command_names())
def test_every_command_has_help(name: str) -> None:
    done = hlo(name, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: hlo {name} ")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["explian"], "did you mean 'explain'"),
        (["explain", "--bad"], "hlo explain: no such option: --bad"),
        (["opt", "--limit-passes"], "hlo opt: option '--limit-passes' requires an argument"),
        (["opt", "--limit-passes=x"], "--limit-passes"),
        (["aot", "x"], "missing option '-o'"),
        (["verify"], "missing argument 'FILE"),
        (["--color=sometimes", "env"], "sometimes"),
    ],
)
def test_usage_errors(words: list[str], says: str) -> None:
    done = hlo(*words)
    assert done.code == 2
    assert says.lower() in done.err.lower() and "[HLO6006]" in done.err
    assert not done.out


@pytest.mark.parametrize("name", ["verify", "fmt", "translate", "stats", "opt", "interpret", "run", "replay", "bench"])
def test_a_missing_file_is_a_usage_error(name: str) -> None:
    done = hlo(name, "no/such/file")
    assert done.code == 2
    assert done.err == "no/such/file: error: cannot read 'no/such/file': No such file or directory [HLO6001]\n"


@pytest.mark.parametrize("name", ["verify", "fmt", "translate", "stats", "opt", "interpret", "run", "replay", "bench"])
def test_a_binary_file_is_no_module(name: str, tmp_path: Path) -> None:
    path = tmp_path / "f.hlo"
    path.write_bytes(bytes(range(256)))
    done = hlo(name, path)
    assert done.code == 3 and "[HLO1001]" in done.err and not done.out


def test_diagnostics_as_json() -> None:
    done = hlo("verify", "missing", "--diagnostics-format=json")
    assert json.loads(done.err)["code"] == "HLO6001"


def test_diagnostics_as_sarif_are_one_document() -> None:
    done = hlo("verify", "missing", "missing-too", "--diagnostics-format", "sarif")
    assert [result["ruleId"] for result in json.loads(done.err)["runs"][0]["results"]] == ["HLO6001", "HLO6001"]


def test_errors_are_limited() -> None:
    done = hlo("verify", "--max-errors=2", *["missing"] * 5)
    assert done.err.count("error:") == 2


def test_colours_follow_option_then_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in hlo("verify", "missing").err
    assert "\x1b" in hlo("verify", "missing", "--color=always").err
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" in hlo("verify", "missing").err
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in hlo("verify", "missing").err


def test_one_warning_for_unknown_xla_flags() -> None:
    done = hlo("explain", "HLO6001", "--xla_no_such=1", "--xla_neither")
    assert done.code == 0
    assert done.err.count("warning:") == 1 and "[HLO6007]" in done.err


def test_response_file(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("explain HLO6001")
    assert hlo(f"@{path}").out.startswith("HLO6001: a file cannot be read")


class TestInternalErrors:
    @pytest.fixture(autouse=True)
    def _defect(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(explain, "CODES", None)
        monkeypatch.setenv("HLO_TOOLS_EVIDENCE", str(tmp_path / "evidence"))

    def test_evidence_instead_of_a_traceback(self, tmp_path: Path) -> None:
        done = hlo("explain", "HLO6001")
        assert done.code == 70
        assert done.err.count("\n") == 1 and "[HLO9001]" in done.err
        (path,) = (tmp_path / "evidence").iterdir()
        assert str(path) in done.err
        text = path.read_text()
        assert "command: hlo explain HLO6001" in text and "Traceback" in text

    def test_a_developer_gets_the_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HLO_TOOLS_DEBUG", "1")
        with pytest.raises(AttributeError):
            hlo("explain", "HLO6001")


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(explain, "emit", interrupted)
    done = hlo("explain")
    assert (done.code, done.err) == (130, "")


def test_a_reader_that_leaves_is_no_error() -> None:
    program = Path(sys.executable).with_name("hlo")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([program, "explain"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_completion_offers_commands_and_codes() -> None:
    program = Path(sys.executable).with_name("hlo")
    for line, expected in (("hlo ver", "verify"), ("hlo explain HLO600", "HLO6001")):
        environment = {**os.environ, "_HLO_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": "2"}
        environment["COMP_CWORD"] = str(len(line.split()) - 1)
        done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)
        assert expected in done.stdout.split()
