"""What a client has of values: what is moved to a disk, and what is not worth it."""

from collections.abc import Callable
from math import inf
from pathlib import Path
from queue import SimpleQueue

import pytest

from elsewhere.calls.messages import ToGateway
from elsewhere.calls.values import Moved, Place, Spill
from elsewhere.holdings import Holdings
from elsewhere.segments.directory import twin

ANSWER_SECONDS_MAX = 30.0


def make(
    directory: Path, is_needed: Callable[[int], bool]
) -> tuple[Holdings, "SimpleQueue[ToGateway]"]:
    said: SimpleQueue[ToGateway] = SimpleQueue()
    return Holdings(
        str(directory), 0, said.put, said.put, lambda: None, is_needed, lambda: inf
    ), said


def test_only_what_is_still_needed_is_moved_to_a_disk(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("disk")))
    holdings, said = make(tmp_path, lambda call: call == 2)
    places = [Place(str(tmp_path / f"1-{n}"), 5) for n in (1, 2)]
    for place in places:
        Path(place.path).write_bytes(b"value")

    holdings.spill(Spill(1, places[0]))
    holdings.spill(Spill(2, places[1]))

    assert said.get(timeout=ANSWER_SECONDS_MAX) == Moved(1, places[0], done=False)
    assert said.get(timeout=ANSWER_SECONDS_MAX) == Moved(2, places[1], done=True)
    holdings.end()
    assert [Path(place.path).exists() for place in places] == [True, False]
    assert [Path(twin(place.path)).exists() for place in places] == [False, True]
