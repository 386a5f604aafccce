"""What is evicted, what stays, and what those who use the store meanwhile see of it."""

import os
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from elsewhere.stores import sqlite
from elsewhere.stores.blobs import Blobs
from elsewhere.stores.eviction import ROW_BYTES, Eviction, evict
from elsewhere.stores.opening import open_store
from elsewhere.stores.summary import summarise
from tests.remembering import LARGE, key, remember, row

DAY = 86_400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Results 0 to 9 of f, last used 9 to 0 days ago, and 10 to 14 of g, just used."""
    path = tmp_path / "r.db"
    with closing(open_store(path)) as store:
        remember(store, *(row(number, function="f") for number in range(10)))
        remember(store, *(row(number, function="g") for number in range(10, 15)))
    with closing(apsw.Connection(str(path))) as database:
        database.execute("UPDATE results SET used = used - (10 - id) * 86400 WHERE id <= 10")
    return path


def kept(path: Path) -> list[int]:
    with closing(open_store(path)) as store:
        return [number for number in range(15) if store.get(key(number)) is not None]


EACH = ROW_BYTES + len(row(0).payload) + len(row(0).parts)


@pytest.mark.parametrize(
    ("options", "stays"),
    [
        ({}, range(15)),
        ({"older_than": 5.5 * DAY}, range(4, 15)),
        ({"max_bytes": 7 * EACH}, range(8, 15)),
        ({"max_bytes": 7 * EACH, "older_than": 0.5 * DAY}, range(9, 15)),
        ({"function": "f"}, range(10, 15)),
        ({"function": "f", "max_bytes": 2 * EACH}, range(8, 15)),
        ({"function": "f", "older_than": 5.5 * DAY}, range(4, 15)),
        ({"function": "g", "older_than": 5.5 * DAY}, range(15)),
        ({"function": "h"}, range(15)),
    ],
)
def test_what_goes_and_what_stays(path: Path, options: dict[str, Any], stays: range) -> None:
    expected = Eviction(
        results=15 - len(stays),
        result_bytes=(15 - len(stays)) * EACH,
        kept_results=len(stays),
        kept_bytes=len(stays) * EACH,
        blobs=0,
        blob_bytes=0,
        leftovers=0,
    )
    assert evict(path, **options, dry_run=True) == expected
    assert len(summarise(path).functions) == 2
    assert evict(path, **options) == expected
    assert kept(path) == list(stays)


def test_a_hit_counts_as_a_use(path: Path) -> None:
    with closing(open_store(path)) as store:
        assert store.get(key(0)) is not None
    evict(path, older_than=5.5 * DAY)
    assert kept(path) == [0, *range(4, 15)]


def test_many_hits_are_noted_while_the_store_is_open(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "NOTES_MAX", 3)
    with closing(open_store(path)) as store:
        assert all(store.get(key(number)) for number in range(3))
        remember(store)
        assert evict(path, older_than=5.5 * DAY).results == 1
    functions = {kept.function: kept for kept in summarise(path).functions}
    assert (functions["f"].hits, functions["f"].saved) == (3, 0.75)


def test_a_blob_goes_with_the_last_result_that_names_it(path: Path) -> None:
    with closing(open_store(path)) as store:
        remember(store, row(20, LARGE, "a"), row(21, LARGE, "b"), row(22, LARGE + b"!", "b"))
    assert evict(path, function="a").blobs == 0
    assert summarise(path).blobs == 2
    gone = evict(path, function="b")
    assert (gone.blobs, gone.blob_bytes) == (2, 2 * len(LARGE) + 1)
    assert summarise(path).blobs == 0


def test_what_interrupted_writers_have_left_goes_once_it_is_old(path: Path) -> None:
    with closing(open_store(path)) as store:
        remember(store, row(20, LARGE))
    (blob,) = (path.parent / "r.db.blobs").glob("??/*")
    part, young = blob.with_name("0.part"), blob.with_name("1.part")
    new = path.with_name("r.db.0123456789abcdef.new")
    for leftover in (part, young, new):
        leftover.touch()
    for leftover in (part, new):
        os.utime(leftover, (0, 0))
    assert evict(path, dry_run=True).leftovers == 2
    assert part.exists()
    assert evict(path).leftovers == 2
    assert [leftover.exists() for leftover in (part, young, new)] == [False, True, False]


def test_a_reader_whose_blob_is_evicted_meanwhile_has_a_miss(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Blobs.read

    def evicted_before(blobs: Blobs, name: bytes) -> bytes:
        evict(path, function="big")
        return read(blobs, name)

    with closing(open_store(path)) as store, warnings.catch_warnings():
        warnings.simplefilter("error")
        remember(store, row(20, LARGE, "big"))
        monkeypatch.setattr(Blobs, "read", evicted_before)
        assert store.get(key(20)) is None


def test_a_blob_that_is_swept_before_its_row_is_committed_is_written_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[int] = []
    write = Blobs.write

    def swept_after(blobs: Blobs, name: bytes, payload: bytes) -> None:
        write(blobs, name, payload)
        if not swept:
            swept.append(evict(path).blobs)

    with closing(open_store(path)) as store:
        monkeypatch.setattr(Blobs, "write", swept_after)
        remember(store, row(20, LARGE))
        found = store.get(key(20))
    assert swept == [1]
    assert found is not None
    assert found.payload == LARGE


def test_a_result_that_is_used_meanwhile_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leftovers = Blobs.leftovers

    def used_meanwhile(blobs: Blobs) -> Any:
        # Between the choice of what goes and its end.
        with closing(open_store(path)) as store:
            assert store.get(key(0)) is not None
        return leftovers(blobs)

    monkeypatch.setattr(Blobs, "leftovers", used_meanwhile)
    evict(path, older_than=5.5 * DAY)
    assert kept(path) == [0, *range(4, 15)]


def test_the_file_shrinks_while_a_pool_uses_it(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    with closing(open_store(path)) as store:
        remember(store, *(row(number, bytes(2000)) for number in range(2000)))
        before = summarise(path).functions[0].bytes
        evict(path, max_bytes=100_000)
        remember(store, row(5000))
        assert store.get(key(5000)) is not None
    assert before > 4_000_000
    assert path.stat().st_size < 400_000


def test_the_same_content_is_written_once(path: Path) -> None:
    with closing(open_store(path)) as store:
        remember(store, row(20, LARGE))
        (blob,) = (path.parent / "r.db.blobs").glob("??/*")
        before = blob.stat()
        remember(store, row(21, LARGE), row(22, LARGE))
        after = blob.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert summarise(path).blobs == 1


def test_the_summary_says_what_is_there(path: Path) -> None:
    f, g = sorted(summarise(path).functions, key=lambda kept: kept.function)
    assert (f.function, f.results, f.bytes, f.seconds) == ("f", 10, 10 * 12, 2.5)
    assert (g.function, g.results, g.bytes, g.seconds) == ("g", 5, 5 * 12, 1.25)
    assert (f.hits, f.saved) == (0, 0.0)
    assert f.oldest <= f.newest <= g.oldest <= g.newest
    assert f.used <= g.used
    assert summarise(path).database_bytes >= path.stat().st_size
