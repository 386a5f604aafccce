"""Values in segments: how they lie there, are written, read and let go, and the folder they lie in."""

import errno
import fcntl
import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from elsewhere.calls.values import FREE_BYTES_MAX, Place
from elsewhere.codec.values import dumps_parts
from elsewhere.errors import NotPicklable
from elsewhere.segments import directory, writing
from elsewhere.segments.directory import (
    DISK,
    make_directory,
    remove_directory,
    remove_segments,
)
from elsewhere.segments.layout import ALIGNMENT, offsets_of, pieces_of, read_value
from elsewhere.segments.reading import Leases, load_value, map_segment
from elsewhere.segments.room import free_bytes_max
from elsewhere.segments.writing import PIECES_MAX, Segments


class Buffers:
    """A value with these buffers."""

    def __init__(self, *buffers: bytes | memoryview) -> None:
        self.buffers = buffers

    def __reduce__(self) -> tuple[type["Buffers"], tuple[pickle.PickleBuffer, ...]]:
        return Buffers, tuple(pickle.PickleBuffer(buffer) for buffer in self.buffers)


def parts_of(value: object) -> list[memoryview]:
    return dumps_parts(value, "value")


def contents(value: Buffers) -> list[bytes]:
    return [bytes(buffer) for buffer in value.buffers]


def lengths(value: object) -> list[int]:
    return [part.nbytes for part in parts_of(value)]


@pytest.fixture
def segments(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Segments:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("disk")))
    return Segments(str(tmp_path), 3, 2**20)


# ---------------------------------------------------------------- layout

BUFFERS = {
    "no buffers": [],
    "an empty one": [b""],
    "an empty one between others": [b"a", b"", b"b"],
    "one of a byte": [b"x"],
    "one as long as the alignment": [bytes(ALIGNMENT)],
    "one byte more": [bytes(ALIGNMENT + 1)],
    "more than one system call writes": [b"%d" % n for n in range(3 * PIECES_MAX)],
}


@pytest.mark.parametrize("buffers", BUFFERS.values(), ids=BUFFERS)
def test_a_value_is_read_as_it_was_laid_out(buffers: list[bytes]) -> None:
    parts = parts_of(Buffers(*buffers))

    laid_out = b"".join(pieces_of(parts))

    assert len(laid_out) == offsets_of([part.nbytes for part in parts])[-1]
    assert contents(read_value(memoryview(laid_out))) == buffers


@pytest.mark.parametrize("buffers", BUFFERS.values(), ids=BUFFERS)
def test_a_value_is_read_as_it_was_written(buffers: list[bytes], segments: Segments) -> None:
    place = segments.write(parts_of(Buffers(*buffers)), "value")

    assert os.path.getsize(place.path) == place.nbytes
    assert contents(load_value(map_segment(place))) == buffers


def test_the_pickle_and_every_buffer_begin_where_vectors_may() -> None:
    starts = offsets_of(lengths(Buffers(b"x", bytes(65), b"", bytes(1000))))

    assert len(starts) == 6
    assert all(start % ALIGNMENT == 0 for start in starts)


def test_the_same_is_read_from_the_bytes_of_a_segment(segments: Segments) -> None:
    place = segments.write(parts_of(Buffers(b"abc")), "value")

    assert contents(load_value(Path(place.path).read_bytes())) == [b"abc"]


# ---------------------------------------------------------------- writing


def parts(size: int, filling: bytes = b"x") -> list[memoryview]:
    """Of a value whose segment has this size, which the alignment divides."""
    rest = offsets_of(lengths(Buffers(b"")))[-1]
    value = parts_of(Buffers(filling * (size - rest)))
    assert offsets_of([part.nbytes for part in value])[-1] == size
    return value


def write(segments: Segments, size: int) -> Place:
    return segments.write(parts(size), "value")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


KB = 1024


def test_segments_are_named_by_who_writes_them(segments: Segments, tmp_path: Path) -> None:
    write(segments, KB)
    write(segments, KB)

    assert names(tmp_path) == {"3-1", "3-2"}


def test_the_free_segment_that_fits_best_is_used_again(segments: Segments, tmp_path: Path) -> None:
    sizes = [5 * KB, 3 * KB, 4 * KB]
    places = [write(segments, size) for size in sizes]
    segments.free(places)

    again = write(segments, 3 * KB - ALIGNMENT)

    assert again.path == places[1].path
    assert len(names(tmp_path)) == 3


def test_what_is_written_again_is_what_is_read(segments: Segments) -> None:
    first = segments.write(parts(2 * KB, b"a"), "value")
    segments.free([first])

    second = segments.write(parts(2 * KB - ALIGNMENT, b"b"), "value")

    assert second.path == first.path
    assert set(contents(load_value(map_segment(second)))[0]) == set(b"b")


def test_no_segment_is_used_of_which_too_much_would_be_wasted(segments: Segments) -> None:
    large = write(segments, 4 * KB)
    segments.free([large])

    assert write(segments, 2 * KB).path != large.path
    assert write(segments, 2 * KB + ALIGNMENT).path == large.path


def test_a_segment_keeps_its_size_while_it_holds_less(segments: Segments) -> None:
    large = write(segments, 4 * KB)
    segments.free([large])
    segments.free([write(segments, 3 * KB)])

    assert write(segments, 4 * KB).path == large.path


def test_only_so_much_is_kept_and_what_was_free_longest_goes_first(
    tmp_path: Path,
) -> None:
    segments = Segments(str(tmp_path), 3, 4 * KB)
    places = [write(segments, 2 * KB) for _ in range(3)]

    segments.free(places)

    assert names(tmp_path) == {"3-2", "3-3"}
    assert {write(segments, 2 * KB).path for _ in range(3)} & {places[0].path} == set()


def test_what_is_larger_than_all_that_is_kept_is_given_back(
    tmp_path: Path,
) -> None:
    segments = Segments(str(tmp_path), 3, KB)

    segments.free([write(segments, 2 * KB)])

    assert names(tmp_path) == set()


def test_what_all_writers_keep_is_a_part_of_the_room_for_values() -> None:
    assert free_bytes_max(2**40, 3) == FREE_BYTES_MAX
    assert 0 < 4 * 3 * free_bytes_max(2**20, 3) <= 2**20
    assert free_bytes_max(0, 3) == 0


def test_what_is_removed_is_not_used_again(segments: Segments, tmp_path: Path) -> None:
    place = write(segments, KB)
    mapping = map_segment(place)

    segments.free([place], reusable=False)

    assert names(tmp_path) == set()
    assert write(segments, KB).path != place.path
    assert len(contents(load_value(mapping))) == 1


def fail_to_write(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first writing takes a part, the second fails."""
    real = os.writev
    calls: list[int] = []

    def writev(file: int, pieces: Sequence[Any]) -> int:
        calls.append(file)
        if len(calls) > 1:
            raise error
        return real(file, [memoryview(pieces[0])[:1]])

    monkeypatch.setattr(os, "writev", writev)


@pytest.mark.parametrize("number", sorted(writing.NO_ROOM))
def test_a_value_that_finds_no_room_is_refused_and_leaves_no_file(
    number: int, segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_to_write(OSError(number, os.strerror(number)), monkeypatch)

    with pytest.raises(
        NotPicklable, match=r"the value: its 0.0 GiB find no room, neither in .*in parts"
    ):
        segments.write(parts(KB), "the value")

    assert names(tmp_path) - {DISK} == set()
    assert list((tmp_path / DISK).iterdir()) == []


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), KeyboardInterrupt()])
def test_whatever_else_goes_wrong_leaves_no_file(
    error: BaseException, segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_to_write(error, monkeypatch)

    with pytest.raises(type(error)):
        segments.write(parts(KB), "the value")

    assert names(tmp_path) == set()


def test_a_folder_that_is_gone_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(Segments(str(tmp_path / "gone"), 1, 0), KB)


def test_what_the_system_takes_in_bits_arrives_whole(
    segments: Segments, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.writev
    monkeypatch.setattr(os, "writev", lambda file, some: real(file, [memoryview(some[0])[:7]]))

    place = segments.write(parts_of(Buffers(b"abcdefgh" * 9, b"", b"xyz")), "value")

    assert contents(load_value(map_segment(place))) == [b"abcdefgh" * 9, b"", b"xyz"]


# ---------------------------------------------------------------- reading


def test_nobody_can_write_to_what_is_mapped(segments: Segments) -> None:
    place = segments.write(parts_of(Buffers(b"abc")), "value")

    buffer = load_value(map_segment(place)).buffers[0]

    with pytest.raises(TypeError):
        memoryview(buffer)[0] = 1


def test_what_is_lost_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        map_segment(Place(str(tmp_path / "gone"), 10))


def test_a_lease_lives_while_the_future_or_anything_of_the_value_does(
    segments: Segments,
) -> None:
    dropped: list[int] = []
    place = segments.write(parts_of(Buffers(b"abc")), "value")
    mapping = map_segment(place)
    leases = Leases(dropped.extend)
    of_future = mapping.lease = leases.take(1)
    value = load_value(mapping)
    del mapping

    del of_future
    gc.collect()
    leases.tell_gone()
    assert dropped == []

    del value
    leases.tell_gone()
    assert dropped == [1]


# ---------------------------------------------------------------- the folder


@pytest.fixture
def shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(directory, "SHARED_MEMORY", str(tmp_path))
    return tmp_path


def process_that_has_ended() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_folder_is_its_users_alone(shared_memory: Path) -> None:
    path = Path(make_directory())

    assert path.parent == shared_memory
    assert path.stat().st_mode & 0o777 == 0o700
    remove_directory(str(path))
    assert names(shared_memory) == set()


def test_a_process_may_have_several(shared_memory: Path) -> None:
    assert make_directory() != make_directory()
    assert len(names(shared_memory)) == 2


def test_what_nobody_has_locked_is_removed(shared_memory: Path) -> None:
    left = shared_memory / f"elsewhere-{os.getpid()}-0123abcd"  # numbers are used again
    left.mkdir()
    (left / "1-1").write_bytes(b"value")
    others = ["elsewhere", "elsewhere-", "elsewhere-notes", "elsewhere-12-x", "other-12-0123abcd"]
    for name in others:
        (shared_memory / name).mkdir()
    (shared_memory / "elsewhere-12-0123abcd").symlink_to(shared_memory / "elsewhere-notes")
    kept = names(shared_memory) - {left.name}

    made = Path(make_directory()).name

    assert names(shared_memory) == {*kept, made}


def test_what_somebody_has_locked_is_kept_whatever_process_its_name_tells(
    shared_memory: Path,
) -> None:
    path = shared_memory / f"elsewhere-{process_that_has_ended()}-0123abcd"
    path.mkdir()
    folder = os.open(path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    make_directory()
    assert path.exists()

    os.close(folder)
    make_directory()
    assert not path.exists()


def test_what_others_own_is_kept(shared_memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shared_memory / "elsewhere-12345-0123abcd"
    path.mkdir()
    real = os.open

    def refuse(path: str, flags: int) -> int:
        if path.endswith("0123abcd"):
            raise PermissionError
        return real(path, flags)

    monkeypatch.setattr(os, "open", refuse)
    make_directory()

    assert path.exists()


def test_a_folder_that_is_removed_before_it_is_locked_is_made_anew(
    shared_memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.mkdir
    removed: list[str] = []

    def lose_first(path: str, mode: int) -> None:
        real(path, mode)
        if not removed:
            removed.append(path)
            os.rmdir(path)

    monkeypatch.setattr(os, "mkdir", lose_first)

    assert make_directory() not in removed
    assert len(removed) == len(names(shared_memory)) == 1


def test_a_fork_of_a_process_that_has_ended_does_not_keep_its_folder(shared_memory: Path) -> None:
    program = """
import os, sys
from elsewhere.segments import directory
directory.SHARED_MEMORY = sys.argv[1]
print(directory.make_directory(), flush=True)
if os.fork() == 0:
    print("forked", flush=True)
    sys.stdin.read()
os._exit(0)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(shared_memory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        path = Path(owner.stdout.readline().strip())
        assert path.is_dir()
        assert owner.stdout.readline() == "forked\n"
        owner.wait()  # its child lives on, until its input ends

        make_directory()

        assert not path.exists()


def test_without_shared_memory_files_lie_with_the_temporary_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "SHARED_MEMORY", str(tmp_path / "none"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert Path(make_directory()).parent == tmp_path


def test_what_a_writer_has_left_is_removed_but_for_what_is_kept(tmp_path: Path) -> None:
    for name in ("3-1", "3-2", "31-1", "0-3"):
        (tmp_path / name).write_bytes(b"")

    remove_segments(str(tmp_path), 3, {str(tmp_path / "3-2")})

    assert names(tmp_path) == {"3-2", "31-1", "0-3"}


# ---------------------------------------------------------------- the disk


def test_what_takes_more_than_there_is_room_for_is_written_to_the_disk(
    tmp_path: Path, segments: Segments
) -> None:
    rooms = iter([100, 10_000])
    segments._room = lambda: next(rooms)
    value = Buffers(b"x" * 1000)

    places = [segments.write(parts_of(value), "value") for _ in range(2)]

    assert [place.on_disk for place in places] == [True, False]
    assert [Path(place.path).exists() for place in places] == [False, True]
    assert [contents(load_value(map_segment(place))) for place in places] == [[b"x" * 1000]] * 2
    segments.free(places[:1], reusable=False)
    assert not Path(directory.twin(places[0].path)).exists()


def test_what_has_no_space_anywhere_is_not_begun(
    segments: Segments, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_write(*_: object) -> int:
        raise AssertionError("it was begun")

    monkeypatch.setattr(os, "writev", no_write)
    free = os.statvfs(segments._directory)
    monkeypatch.setattr(
        os,
        "statvfs",
        lambda path: os.statvfs_result((*free[:2], free[2], free[3], 0, *free[5:])),
    )

    with pytest.raises(NotPicklable, match="find no room"):
        segments.write(parts_of(Buffers(b"x" * 1000)), "value")
