"""A partial that holds futures is the call that it stands for; any other stays what it is."""

from functools import partial
from typing import Any

import pytest

from elsewhere import partials
from elsewhere.finished import finished_future
from elsewhere.partials import unfold

FUTURE = finished_future(int, (5,), {})


def test_one_without_futures_stays_as_it_is() -> None:
    whole = partial(divmod, [5])

    assert unfold(whole, (1,), {"a": 2}) == (whole, (1,), {"a": 2})


@pytest.mark.parametrize("held", [FUTURE, [FUTURE], {"a": (1, {FUTURE})}])
def test_one_with_futures_is_its_call(held: Any) -> None:
    held_in_itself: list[Any] = [held]
    held_in_itself.append(held_in_itself)

    assert unfold(partial(pow, held, mod=7), (2,), {}) == (pow, (held, 2), {"mod": 7})
    assert unfold(partial(pow, held_in_itself), (), {})[0] is pow


def test_what_one_leaves_open_is_filled_in_from_the_left(monkeypatch: pytest.MonkeyPatch) -> None:
    gap = object()
    monkeypatch.setattr(partials, "_PLACEHOLDER", gap)

    assert unfold(partial(pow, gap, FUTURE), (2, 7), {}) == (pow, (2, FUTURE, 7), {})
