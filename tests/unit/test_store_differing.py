"""Two values for one key: the first stays, and the user is told once."""

import warnings
from pathlib import Path

import pytest

from elsewhere.calls.messages import Verdict
from elsewhere.codec.values import dumps
from elsewhere.store import Acknowledge, Remember, Remembered
from elsewhere.stores.differing import tell_apart
from elsewhere.stores.opening import open_store
from tests.remembering import LARGE, key, remember, row


def result(number: int, value: object) -> Remember:
    return row(number, dumps(value, "result"))


def kept(value: object, verdict: Verdict = Verdict.VALUE) -> Remembered:
    return Remembered(*result(1, value)._replace(verdict=verdict), 0.0)


@pytest.mark.parametrize("level", list(Acknowledge))
@pytest.mark.parametrize(("first", "second"), [(3, 4), (b"a" + LARGE, b"b" + LARGE), ([1], [True])])
def test_the_user_is_told_once_for_each_key_and_the_first_stays(
    tmp_path: Path, level: Acknowledge, first: object, second: object
) -> None:
    one = open_store(tmp_path / "r.db", level)
    two = open_store(tmp_path / "r.db", level)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        remember(one, result(1, first), result(2, 5))
        one.close()
        remember(two, result(1, second), result(2, 5))
        remember(two, result(1, second))
        two.close()
    (warning,) = told
    assert warning.category is RuntimeWarning
    said = str(warning.message)
    assert said.startswith(f"tests.f has two results for one key, {key(1).hex()}: ")
    again = open_store(tmp_path / "r.db")
    found = again.get(key(1))
    again.close()
    assert found is not None
    assert found.payload == dumps(first, "result")


def test_both_values_are_shown() -> None:
    assert (
        tell_apart(kept({"a": 1}), Verdict.VALUE, dumps({"a": 2}, "r")) == "{'a': 1} and {'a': 2}"
    )
    assert tell_apart(kept(3), Verdict.ERROR, b"whatever") == "3 and an error"
    assert tell_apart(kept(3), Verdict.VALUE, b"?") == "3 and 1 bytes that cannot be read here"


def test_equal_values_with_different_pickles_are_one() -> None:
    name = str(b"name", "ascii")  # equal, and not the same object
    for first, second in [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (["name", "name"], ["name", name]),
    ]:
        assert dumps(first, "r") != dumps(second, "r")
        assert not tell_apart(kept(first), Verdict.VALUE, dumps(second, "r"))


def test_two_errors_are_no_two_values() -> None:
    assert not tell_apart(kept(3, Verdict.ERROR), Verdict.ERROR, b"another traceback")
