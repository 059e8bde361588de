"""Protos as files of the command line: found by content, compressed or not, and run with their arguments."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest
from console import hlo as run_hlo
from proto_modules import RICH

import hlo_tools as hlo
from hlo_tools.ir.literal import literal, tuple_literal

SUM = """HloModule sum, entry_computation_layout={(f32[2]{0}, (f32[], bf16[2]{0}))->f32[2]{0}}

ENTRY %main (x: f32[2], t: (f32[], bf16[2])) -> f32[2] {
  %x = f32[2]{0} parameter(0)
  %t = (f32[], bf16[2]{0}) parameter(1)
  %a = f32[] get-tuple-element(%t), index=0
  %b = bf16[2]{0} get-tuple-element(%t), index=1
  %c = f32[2]{0} broadcast(%a), dimensions={}
  %d = f32[2]{0} convert(%b)
  %e = f32[2]{0} add(%x, %c)
  ROOT %r = f32[2]{0} add(%e, %d)
}

"""


@pytest.fixture
def snapshot(tmp_path: Path) -> str:
    """A snapshot of SUM whose arguments are {1, 2}, (10, {100, 200})."""
    module = hlo.parse(SUM)
    x, a, b = (p for _, p in (s for q in module.main.parameters for s in q.shape.leaves()))
    arguments = (literal(x.element, [1, 2]), tuple_literal((literal(a.element, 10), literal(b.element, [100, 200]))))
    path = tmp_path / "without-a-telling-name"
    result = literal(x.element, [111, 212])
    path.write_bytes(hlo.to_proto(hlo.Snapshot(module, arguments, result, "Host"), hlo.Envelope.SNAPSHOT))
    return str(path)


@pytest.mark.parametrize("to", ["proto", "pbtxt"])
@pytest.mark.parametrize("message", ["module", "hlo", "snapshot"])
@pytest.mark.parametrize("name", ["f", "f.gz", "f.zst"])
def test_there_and_back(tmp_path: Path, to: str, message: str, name: str) -> None:
    if name.endswith(".zst"):
        pytest.importorskip("zstandard")
    path = tmp_path / name
    made = run_hlo("translate", "-", "--to", to, "--message", message, "-o", str(path), stdin=RICH.encode())
    assert made.code == 0 and made.err == ""
    assert run_hlo("translate", str(path)).out == RICH
    assert run_hlo("translate", "-", stdin=path.read_bytes()).out == RICH
    again = run_hlo("translate", str(path), "--to", to, "--message", message)
    packed = path.read_bytes()
    assert (gzip.decompress(packed) if name == "f.gz" else packed) == again.data or name == "f.zst"


def test_same_bytes_each_time(tmp_path: Path) -> None:
    files = [tmp_path / "a.pb.gz", tmp_path / "b.pb.gz"]
    for path in files:
        run_hlo("translate", "-", "--to", "proto", "-o", str(path), stdin=RICH.encode())
    assert files[0].read_bytes() == files[1].read_bytes()


def test_other_commands_read_protos(tmp_path: Path) -> None:
    path = tmp_path / "m.hlo"  # the name says nothing
    path.write_bytes(hlo.to_proto(hlo.parse(SUM)))
    assert run_hlo("verify", str(path)).code == 0
    assert run_hlo("opt", str(path), "--passes=dce").out == SUM
    assert hlo.load(str(path)).to_text() == SUM


@pytest.mark.parametrize("command", ["interpret", "run"])
def test_arguments_of_a_snapshot_are_the_inputs(snapshot: str, command: str, tmp_path: Path) -> None:
    out = tmp_path / "out.npz"
    assert run_hlo(command, snapshot, "--outputs", str(out)).code == 0
    with np.load(out) as found:
        np.testing.assert_array_equal(found["out0"], [111, 212])
    given = tmp_path / "in.npz"
    np.savez(given, arg0=np.zeros(2, np.float32), arg1=np.float32(0), arg2=np.zeros(2, np.uint16))
    assert run_hlo(command, snapshot, "--inputs", str(given)).out == "out0 f32[2] {0.0, 0.0}\n"


def test_replay_of_a_snapshot(snapshot: str) -> None:
    found = json.loads(run_hlo("replay", snapshot, "--report", "json").out)
    assert found["ok"] is True


def test_snapshot_from_arrays(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.savez(stream, arg0=np.array([5, 6], np.float32), arg1=np.float32(1), arg2=np.zeros(2, np.uint16))
    given, kept = tmp_path / "in.npz", tmp_path / "kept.pb"
    given.write_bytes(stream.getvalue())
    made = run_hlo(
        "translate", "-", "--to", "proto", "--message", "snapshot", "--inputs", str(given), "-o", str(kept),
        stdin=SUM.encode(),
    )  # fmt: skip
    assert made.code == 0
    assert run_hlo("interpret", str(kept)).out == "out0 f32[2] {6.0, 7.0}\n"
    found = hlo.load_snapshot(str(kept))
    assert [a.shape.text for a in found.arguments] == ["f32[2]", "(f32[], bf16[2])"]


def test_snapshot_keeps_result_and_platform(snapshot: str) -> None:
    found = hlo.load_snapshot(snapshot)
    assert found.platform == "Host" and found.result == literal(found.module.main.result.shape.element, [111, 212])
    assert run_hlo("translate", snapshot, "--to", "proto", "--message", "snapshot").data == Path(snapshot).read_bytes()


def test_arguments_that_do_not_fit(tmp_path: Path) -> None:
    module = hlo.parse(SUM)
    one = literal(module.main.result.shape.element, [1, 2])
    for arguments in ((one,), (one, one)):
        path = tmp_path / "f.pb"
        path.write_bytes(hlo.to_proto(hlo.Snapshot(module, arguments), hlo.Envelope.SNAPSHOT))
        failed = run_hlo("interpret", str(path))
        assert failed.code == 2 and "HLO5001" in failed.err


def test_damage_is_a_diagnostic(tmp_path: Path) -> None:
    path = tmp_path / "f.pb"
    path.write_bytes(hlo.to_proto(hlo.parse(SUM))[:200])
    failed = run_hlo("translate", str(path))
    assert failed.code == 3 and "[HLO1050]" in failed.err and "byte " in failed.err
    failed = run_hlo("translate", "-", stdin=b'name: "m"\ncomputations {\n  id: x\n}\n')
    assert failed.code == 3 and "<stdin>:3:7: error" in failed.err and "[HLO1051]" in failed.err


def test_what_is_lost_is_said(tmp_path: Path) -> None:
    text = SUM.replace("sum, ", "sum, replica_count=2, ", 1)
    written = run_hlo("translate", "-", "--to", "proto", "-o", str(tmp_path / "f.pb"), stdin=text.encode())
    assert written.code == 0 and "replica_count" in written.err and "[HLO1053]" in written.err
    with_unknown = hlo.to_proto(hlo.parse(SUM)) + b"\xfa\x3e\x01a" + b"\x58\x01"
    read = run_hlo("translate", "-", stdin=with_unknown)
    assert read.out == SUM
    assert "field 1007 of HloModuleProto" in read.err and "is_dynamic" in read.err and "[HLO1052]" in read.err


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HLO_TOOLS_MAX_INPUT_BYTES", "100000")
    path = tmp_path / "f.pb.gz"
    path.write_bytes(gzip.compress(b"\x0a\x01a" + b"\x22\x00" * 1_000_000))
    failed = run_hlo("translate", str(path))
    assert failed.code == 5 and "[HLO6003]" in failed.err


def test_buffer_assignment_is_passed_over() -> None:
    data = hlo.to_proto(hlo.parse(SUM), hlo.Envelope.HLO) + b"\x1a\x05hello"
    read = run_hlo("translate", "-", stdin=data)
    assert read.out == SUM and "buffer_assignment" in read.err
