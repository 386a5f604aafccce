"""Segments that are used again: mapped, written by copies, read where they were written."""

import mmap
import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

import pytest

from elsewhere.calls.values import Place
from elsewhere.codec.values import dumps_parts
from elsewhere.segments import writing
from elsewhere.segments.reading import load_value, map_segment
from elsewhere.segments.writing import Segments

if TYPE_CHECKING:
    from elsewhere.segments.reading import View

ROOM = 2**20
BYTES = 5000


class Filled:
    """A value of one buffer."""

    def __init__(self, buffer: bytes | memoryview) -> None:
        self.buffer = buffer

    def __reduce__(self) -> tuple[type["Filled"], tuple[pickle.PickleBuffer]]:
        return Filled, (pickle.PickleBuffer(self.buffer),)


def parts(filling: bytes, count: int = BYTES) -> list[memoryview]:
    return dumps_parts(Filled(filling * count), "value")


def filling(mapping: "View") -> bytes:
    value: Filled = load_value(mapping)
    assert len(set(value.buffer)) == 1
    return bytes(value.buffer[:1])


def view(segments: Segments, place: Place) -> "View":
    found = segments.view(place)
    assert found is not None
    return found


@pytest.fixture
def segments(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Segments:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("disk")))
    return Segments(str(tmp_path), 3, ROOM)


@pytest.fixture
def again(segments: Segments) -> Place:
    """A segment that holds its second value, of the letter b."""
    segments.free([segments.write(parts(b"a"), "value")])
    return segments.write(parts(b"b"), "value")


def test_a_new_segment_is_not_mapped(segments: Segments) -> None:
    assert segments.view(segments.write(parts(b"a"), "value")) is None


def test_what_is_written_again_is_read_there_and_elsewhere(
    segments: Segments, again: Place
) -> None:
    assert filling(view(segments, again)) == b"b"
    assert filling(map_segment(again)) == b"b"


def test_a_smaller_value_is_read_where_a_larger_one_was(segments: Segments, again: Place) -> None:
    segments.free([again])

    smaller = segments.write(parts(b"c", BYTES - 500), "value")

    assert smaller.path == again.path
    assert len(load_value(view(segments, smaller)).buffer) == BYTES - 500


def test_a_value_of_more_than_one_step_arrives_whole(
    segments: Segments, again: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "COPIED_AT_ONCE", 64)
    segments.free([again])

    assert filling(view(segments, segments.write(parts(b"c"), "value"))) == b"c"


def test_nobody_can_write_to_what_is_read(segments: Segments, again: Place) -> None:
    buffer = load_value(view(segments, again)).buffer

    with pytest.raises(TypeError, match="read-only"):
        buffer[0] = 0


def test_a_view_lives_as_long_as_what_was_made_of_it(segments: Segments, again: Place) -> None:
    mapping = view(segments, again)
    alive = ref(mapping)
    value: Filled | None = load_value(mapping)
    del mapping

    assert alive() is not None
    del value
    assert alive() is None


def test_of_segments_that_fit_alike_the_one_that_was_freed_last_is_taken(
    segments: Segments,
) -> None:
    places = [segments.write(parts(b"a"), "value") for _ in range(3)]
    segments.free([places[2], places[0], places[1]])

    assert segments.write(parts(b"b"), "value") == places[1]


def test_what_was_moved_to_a_disk_is_not_mapped_any_more(segments: Segments, again: Place) -> None:
    segments.unmap([again])

    assert segments.view(again) is None


def test_what_is_read_outlives_that_it_was_moved(segments: Segments, again: Place) -> None:
    mapping = view(segments, again)

    segments.unmap([again])

    assert filling(mapping) == b"b"


def test_what_is_given_back_is_not_mapped_any_more(segments: Segments, again: Place) -> None:
    segments.free([again], reusable=False)

    assert segments.view(again) is None
    assert not os.path.exists(again.path)


def test_what_somebody_has_removed_is_not_written_to(segments: Segments, again: Place) -> None:
    segments.free([again])
    os.unlink(again.path)

    place = segments.write(parts(b"c"), "value")

    assert filling(map_segment(place)) == b"c"
    assert segments.view(place) is None


def test_a_copy_that_is_interrupted_leaves_nothing(
    segments: Segments, again: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(memory: mmap.mmap, parts: Sequence[memoryview]) -> None:
        raise KeyboardInterrupt

    segments.free([again])
    with monkeypatch.context() as patched:
        patched.setattr(writing, "copy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            segments.write(parts(b"c"), "value")

    assert not os.path.exists(again.path)
    assert segments.write(parts(b"d"), "value").path != again.path
