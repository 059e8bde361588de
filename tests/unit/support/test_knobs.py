from __future__ import annotations

import pytest

from hlo_tools.support import knobs
from hlo_tools.support.diagnostic import UsageError


def test_names_are_unique() -> None:
    names = [knob.name for knob in knobs.KNOBS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("text", "value"), [("1", True), ("yes", True), ("0", False), ("", False), ("Off", False)])
def test_flags(text: str, value: bool) -> None:
    assert knobs.DEBUG.get({"HLO_TOOLS_DEBUG": text}) is value


def test_any_text_turns_colours_off() -> None:
    assert knobs.NO_COLOR.get({"NO_COLOR": "0"}) is True
    assert knobs.NO_COLOR.get({"NO_COLOR": ""}) is False
    assert knobs.NO_COLOR.get({}) is False


@pytest.mark.parametrize("text", ["many", "-1", "1e3"])
def test_a_bad_number_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="HLO_TOOLS_MAX_INPUT_BYTES"):
        knobs.MAX_INPUT_BYTES.get({"HLO_TOOLS_MAX_INPUT_BYTES": text})
