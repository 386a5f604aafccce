"""Segments are moved to a disk whole, past the cache of files where that can be."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elsewhere.segments.directory import twin
from elsewhere.segments.moving import BLOCK_BYTES, move_to_disk

SIZES = (1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 10 * BLOCK_BYTES + 5)


@pytest.fixture
def segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Path]:
    """Writes a segment of so many bytes in a folder whose twin is a folder of the test."""
    disk = tmp_path / "temporary"
    disk.mkdir()
    monkeypatch.setattr("elsewhere.segments.directory._temporary", lambda: str(disk))
    folder = tmp_path / "elsewhere-1-00000000"
    folder.mkdir()

    def write(size: int) -> Path:
        path = folder / f"1-{size}"
        path.write_bytes(content(size))
        return path

    return write


def content(size: int) -> bytes:
    return bytes(number % 251 for number in range(size))


def refuse(call: str, error: int, *, unless: Callable[..., bool] = lambda *_: False) -> Any:
    """What stands for a function of `os` that fails, `unless` its arguments are such."""
    real = getattr(os, call)

    def act(*args: Any, **kwargs: Any) -> Any:
        if unless(*args):
            return real(*args, **kwargs)
        raise OSError(error, os.strerror(error))

    return act


@pytest.mark.parametrize("size", SIZES)
def test_a_segment_is_moved_whole(segment: Callable[[int], Path], size: int) -> None:
    path = segment(size)
    move_to_disk(str(path))
    assert not path.exists()
    assert Path(twin(str(path))).read_bytes() == content(size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("call", ["open", "posix_fallocate", "write"])
def test_where_the_cache_cannot_be_passed_it_is_used(
    segment: Callable[[int], Path], size: int, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = segment(size)

    def is_plain(_: object, flags: int, *rest: object) -> bool:
        return call == "open" and not flags & os.O_DIRECT

    monkeypatch.setattr(os, call, refuse(call, errno.EINVAL, unless=is_plain))
    move_to_disk(str(path))
    monkeypatch.undo()
    (moved,) = path.parent.glob("disk/*")
    assert moved.read_bytes() == content(size)
    assert not path.exists()


def test_where_there_is_no_way_past_the_cache_it_is_used(
    segment: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_DIRECT")
    monkeypatch.delattr(os, "posix_fallocate")
    path = segment(BLOCK_BYTES)
    move_to_disk(str(path))
    assert Path(twin(str(path))).read_bytes() == content(BLOCK_BYTES)


@pytest.mark.parametrize("call", ["open", "posix_fallocate", "write"])
def test_a_full_disk_leaves_the_segment_where_it_was(
    segment: Callable[[int], Path], call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = segment(BLOCK_BYTES)
    monkeypatch.setattr(
        os, call, refuse(call, errno.ENOSPC, unless=lambda *given: given[0] == str(path))
    )
    with pytest.raises(OSError, match="No space left"):
        move_to_disk(str(path))
    monkeypatch.undo()
    assert path.read_bytes() == content(BLOCK_BYTES)
    assert list(path.parent.glob("disk/*")) == []
