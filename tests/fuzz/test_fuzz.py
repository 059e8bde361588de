"""A short campaign, as part of every run of the tests."""

from __future__ import annotations

import pytest

from fuzz.campaign import campaign


def test_damaged_inputs_end_in_diagnostics() -> None:
    report = campaign(400, seed=1, seconds=20)
    assert report.done >= 50 and not report.faults, str(report)


@pytest.mark.slow
def test_many_damaged_inputs_end_in_diagnostics() -> None:
    report = campaign(100_000, seed=2, seconds=120)
    assert not report.faults, str(report)
