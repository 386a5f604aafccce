"""``elsewhere why``: reading a call, and telling what its key is made of."""

import json
from pathlib import Path

import pytest

import elsewhere
from elsewhere import Pool
from elsewhere.cli import main
from elsewhere.cli.why import CallNotUnderstood, find_function, read_call
from tests.system import nested


def test_a_call_is_read_with_its_literal_arguments() -> None:
    function, args, kwargs = read_call(" tests.system.nested.divide(1, y=[2, 'x']) ")
    assert function is nested.divide
    assert (args, kwargs) == ((1,), {"y": [2, "x"]})


@pytest.mark.parametrize(
    "text",
    [
        "tests.system.nested.divide",
        "tests.system.nested.divide(x)",
        "1 +",
        "f(**{})",
        "nope.f(1)",
        "f(1)",
    ],
)
def test_what_is_no_such_call_is_refused(text: str) -> None:
    with pytest.raises(CallNotUnderstood):
        read_call(text)


def test_a_method_is_found_through_its_class() -> None:
    assert find_function("pathlib.PurePath.as_posix") is find_function("pathlib.PurePath.as_posix")


def test_the_parts_of_a_key_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "tests.system.nested.sum_of_squares('notes', 3)"]) == 0
    shown = capsys.readouterr().out
    assert "argument  n" in shown
    assert "tests.system.nested.note_and_square" in shown


def test_they_are_printed_as_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "--json", "tests.system.nested.sum_of_squares('notes', 3)"]) == 0
    assert len(bytes.fromhex(json.loads(capsys.readouterr().out)["key"])) == 32


def test_what_differs_from_the_last_remembered_call_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = str(tmp_path / "notes")
    with Pool(1, store=tmp_path / "store"):
        elsewhere.call(nested.note_and_square, notes, 3)
        assert "a remembered result is found" in elsewhere.why(nested.note_and_square, notes, 3)
        assert "changed: 3 -> 4" in elsewhere.why(nested.note_and_square, notes, 4)
    call = f"tests.system.nested.note_and_square({notes!r}, 5)"
    assert main(["why", call, "--store", str(tmp_path / "store")]) == 0
    assert "changed: 3 -> 5" in capsys.readouterr().out


def test_wrong_arguments_and_stores_are_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", "tests.system.nested.sum_of_squares()"]) == 1
    assert "missing a required argument" in capsys.readouterr().err
    assert main(["why", "tests.system.nested.divide(1, 2)", "--store", str(tmp_path / "no")]) == 1
    assert "there is no store" in capsys.readouterr().err
