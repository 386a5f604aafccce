"""A disk that fails: whoever waits is told, nothing that was promised is lost, the store goes on."""

import errno
import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from elsewhere.errors import StoreError
from elsewhere.store import Store
from elsewhere.stores.opening import open_store
from elsewhere.stores.sqlite import SqliteStore
from tests.remembering import LARGE, WAIT_SECONDS_MAX, Written, key, remember, row


class Disk:
    """Counts what SQLite does to it, and fails from one operation to another."""

    def __init__(self) -> None:
        self.count = 0
        self.syncs = 0
        self.failing = range(0)
        self.error: type[apsw.Error] = apsw.FullError

    def operate(self) -> None:
        self.count += 1
        if self.count in self.failing:
            raise self.error("as the test wants it")


class FaultyFile(apsw.VFSFile):
    disk: Disk

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  SQLite's name
        self.disk.operate()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802  SQLite's name
        self.disk.operate()
        super().xSync(flags)
        self.disk.syncs += 1


class FaultySystem(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__("faulty", "unix", makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> FaultyFile:  # noqa: N802  SQLite's name
        file = FaultyFile("unix", name, flags)
        file.disk = self._disk
        return file


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    system = FaultySystem(disk)
    yield disk
    system.unregister()


def write_some(store: Store) -> dict[int, BaseException | None]:
    """Write ten batches, one after another; what the store said of each."""
    return {number: Written(store, [row(number)]).problem() for number in range(10)}


@pytest.mark.parametrize("error", [apsw.FullError, apsw.IOError])
@pytest.mark.parametrize("length", [1, 3])
def test_any_operation_may_fail(
    tmp_path: Path, disk: Disk, error: type[apsw.Error], length: int
) -> None:
    disk.error = error
    told = 0
    for first in itertools.count(1):
        path = tmp_path / f"{first}.db"
        with closing(open_store(path)) as store:
            remember(store, row(100))
            disk.failing = range(disk.count + first, disk.count + first + length)
            said = write_some(store)
            reached = disk.count >= disk.failing.start
            disk.failing = range(0)
            remember(store, row(101))
            kept = [number for number, problem in said.items() if problem is None]
            told += len(said) - len(kept)
            assert all(store.get(key(number)) for number in [*kept, 100, 101])
        with closing(open_store(path)) as store:
            assert all(store.get(key(number)) for number in [*kept, 100, 101])
        for problem in said.values():
            assert problem is None or isinstance(problem, StoreError)
            assert problem is None or str(path) in str(problem)
        if not reached:
            break
    assert told >= first - 1


@pytest.mark.parametrize(("level", "synced"), [("durable", 5), ("crash", 0)])
def test_durable_is_synced_before_it_is_said(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, level: str, synced: int
) -> None:
    with closing(open_store(tmp_path / "r.db", level)) as store:
        # The first write of a log syncs its header, at any level.
        remember(store, row(100))
        before, said = disk.syncs, []
        for number in range(5):
            store.write([row(number)], lambda _: said.append(disk.syncs))
            remember(store)
        assert len(said) == 5
        # Each has at least one sync of its own, which came before it.
        assert [said[n] - before >= n + 1 for n in range(5)] == [synced == 5] * 5
        files: list[int] = []
        monkeypatch.setattr(os, "fsync", files.append)
        remember(store, row(10, LARGE))
        # The blob, and the folders that lead to it.
        assert len(files) == (4 if synced else 0)


@pytest.mark.filterwarnings("ignore:tests.f has two results:RuntimeWarning")
def test_durable_holds_for_what_another_store_has_written_without_sync(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.db"
    with closing(open_store(path, "crash")) as other, closing(open_store(path)) as store:
        remember(store, row(100))
        remember(other, row(1), row(2, LARGE))
        before = disk.syncs
        remember(store, row(1))
        assert disk.syncs > before
        files: list[int] = []
        monkeypatch.setattr(os, "fsync", files.append)
        # What is there stays, so its blob has to be safe.
        remember(store, row(2, b"another value"))
        assert len(files) == 4


def test_a_full_disk_is_named_with_its_remedy(tmp_path: Path, disk: Disk) -> None:
    with closing(open_store(tmp_path / "r.db")) as store:
        disk.failing = range(disk.count, disk.count + 1000)
        with pytest.raises(StoreError, match=r"r\.db: there is no room to write\. Make room"):
            remember(store, row(1))
        disk.failing = range(0)


def test_the_next_writer_is_told_of_rows_that_were_only_queued(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = threading.Event()
    keep_untold = SqliteStore._keep_untold

    def note(store: SqliteStore, problem: BaseException | None) -> None:
        keep_untold(store, problem)
        known.set()

    monkeypatch.setattr(SqliteStore, "_keep_untold", note)
    with closing(open_store(tmp_path / "r.db", "memory")) as store:
        disk.failing = range(disk.count, disk.count + 1000)
        remember(store, row(1))
        assert known.wait(WAIT_SECONDS_MAX)
        disk.failing = range(0)
        with pytest.raises(StoreError, match="no room"):
            remember(store, row(2))
        # Told once. What came after went its way.
        remember(store, row(3))
    with closing(open_store(tmp_path / "r.db")) as store:
        assert [number for number in range(4) if store.get(key(number))] == [2, 3]


def test_closing_tells_of_rows_that_were_only_queued(tmp_path: Path, disk: Disk) -> None:
    store = open_store(tmp_path / "r.db", "memory")
    disk.failing = range(disk.count, disk.count + 1000)
    remember(store, row(1))
    with pytest.raises(StoreError, match="no room"):
        store.close()
    disk.failing = range(0)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_blob_that_cannot_be_synced_fails_its_batch_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    with closing(open_store(tmp_path / "r.db")) as store:
        monkeypatch.setattr(os, "fsync", fail)
        large, small = Written(store, [row(1, LARGE)]), Written(store, [row(2)])
        problem = large.problem()
        assert isinstance(problem, StoreError)
        assert small.problem() is None
        assert store.get(key(1)) is None
        monkeypatch.undo()
        remember(store, row(1, LARGE))
        assert store.get(key(1)) is not None
    assert len(list((tmp_path / "r.db.blobs").glob("??/*"))) == 1


def test_a_blob_that_somebody_did_not_sync_is_written_anew_if_it_cannot_be_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(tmp_path / "r.db", "crash")) as store:
        remember(store, row(1, LARGE))
    (blob,) = (tmp_path / "r.db.blobs").glob("??/*")
    before = blob.stat().st_ino
    sync = os.fsync
    failed: list[int] = []

    def fail_once(descriptor: int) -> None:
        if not failed:
            failed.append(descriptor)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(descriptor)

    with closing(open_store(tmp_path / "r.db")) as store:
        monkeypatch.setattr(os, "fsync", fail_once)
        remember(store, row(2, LARGE))
        assert store.get(key(2)) is not None
    assert failed
    assert blob.stat().st_ino != before


def test_a_locked_database_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("elsewhere.stores.database.LOCK_SECONDS_MAX", 0.05)
    path = tmp_path / "r.db"
    with closing(open_store(path)) as store, closing(apsw.Connection(str(path))) as other:
        remember(store, row(1))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"r\.db: another process has locked it for more"):
            remember(store, row(2))
        # A reader does not wait for a writer.
        assert store.get(key(1)) is not None
        other.execute("ROLLBACK")
        remember(store, row(2))
        assert store.get(key(2)) is not None


def test_a_callback_that_raises_does_not_end_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[type[BaseException]] = []
    monkeypatch.setattr("threading.excepthook", lambda args: reported.append(args.exc_type))

    def fail(problem: BaseException | None) -> None:
        raise LookupError("a callback")

    with closing(open_store(tmp_path / "r.db")) as store:
        store.write([row(1)], fail)
        remember(store, row(2))
        assert store.get(key(1)) is not None
    assert reported == [LookupError]


def test_a_row_that_cannot_be_written_fails_alone(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "r.db")) as store:
        wrong = Written(store, [row(1, function="\ud800")])
        right = Written(store, [row(2)])
        assert isinstance(wrong.problem(), UnicodeEncodeError)
        assert right.problem() is None


@pytest.mark.parametrize("replaced", [False, True])
def test_a_database_that_was_removed_while_open_is_named(tmp_path: Path, replaced: bool) -> None:
    path = tmp_path / "r.db"
    with closing(open_store(path, "durable")) as store:
        remember(store, row(1))
        path.unlink()
        if replaced:
            path.touch()
        with pytest.raises(StoreError, match="it was removed or replaced while open"):
            remember(store, row(2))
