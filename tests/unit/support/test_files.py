from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from hlo_tools.support.diagnostic import HloError, LimitError, ParseError, UsageError
from hlo_tools.support.files import read_bytes, read_source, write_outputs


def test_gzip_is_taken_off(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(b"one ") + gzip.compress(b"two"))
    assert read_source(str(path)).text == "one two"


def test_zstd_is_taken_off(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    path = tmp_path / "a"
    path.write_bytes(zstandard.compress(b"text"))
    assert read_source(str(path)).text == "text"


@pytest.mark.parametrize(
    ("data", "kind", "says"),
    [
        (gzip.compress(b"some text", mtime=0)[:-9], ParseError, "not a whole gzip"),
        (b"\x1f\x8b rubbish", ParseError, "not a whole gzip"),
        (b"HloModule \0", ParseError, "byte 10 is zero"),
        (b"\x7fELF\x02\x01", ParseError, "ELF"),
        (b"ML\xefR\r", ParseError, "MLIR bytecode"),
        (b"caf\xe9", ParseError, "byte 3 is 0xe9"),
    ],
    ids=["cut gzip", "broken gzip", "zero byte", "ELF", "bytecode", "Latin-1"],
)
def test_what_is_no_text(tmp_path: Path, data: bytes, kind: type[HloError], says: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    with pytest.raises(kind, match=says):
        read_source(str(path))


@pytest.mark.parametrize("name", ["missing", ".", "a\0b"])
def test_what_cannot_be_read(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="HLO6001"):
        read_bytes(name)


def test_a_small_file_cannot_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HLO_TOOLS_MAX_INPUT_BYTES", "1000000")
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(LimitError, match="HLO_TOOLS_MAX_INPUT_BYTES"):
        read_bytes(str(path))


def test_outputs_come_together_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="HLO6002"):
        write_outputs({str(tmp_path / "old"): b"new", str(tmp_path / "file" / "x"): b"new"})
    assert (tmp_path / "old").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "old"]


def test_folders_are_made(tmp_path: Path) -> None:
    write_outputs({str(tmp_path / "a" / "b" / "c"): b"x"})
    assert (tmp_path / "a" / "b" / "c").read_bytes() == b"x"
    assert len(list((tmp_path / "a" / "b").iterdir())) == 1


def test_devices_are_written_to() -> None:
    write_outputs({"/dev/null": b"x"})
    assert not Path("/dev/null").is_file()
