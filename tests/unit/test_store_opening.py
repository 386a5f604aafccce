"""What may be given as a store, and what is said of the rest."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from elsewhere.errors import StoreError
from elsewhere.store import Acknowledge
from elsewhere.stores.memory import MemoryStore
from elsewhere.stores.opening import open_store
from elsewhere.stores.sqlite import SqliteStore
from tests.remembering import key, remember, row

NOBODY = 65534


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


@contextmanager
def without_rights() -> Iterator[None]:
    """Files are opened as a user who may not write everywhere, also if we are root."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def test_nothing_means_memory() -> None:
    store = open_store()
    assert isinstance(store, MemoryStore)
    assert store.acknowledge is Acknowledge.MEMORY


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_means_a_file_and_durable(tmp_path: Path, kind: Any) -> None:
    with closing(open_store(kind(tmp_path / "r.db"))) as store:
        assert isinstance(store, SqliteStore)
        assert store.acknowledge is Acknowledge.DURABLE
    assert os.listdir(tmp_path) == ["r.db"]


@pytest.mark.parametrize("level", Acknowledge)
def test_the_level_may_be_given_by_its_name(tmp_path: Path, level: Acknowledge) -> None:
    with closing(open_store(tmp_path / "r.db", str(level))) as store:
        assert store.acknowledge is level


def test_a_store_is_found_again_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "r.db")
    with closing(open_store(tmp_path / "link.db")) as store:
        remember(store, row(1, bytes(100_000)))
    with closing(open_store(tmp_path / "r.db")) as store:
        assert store.get(key(1)) is not None


def test_a_level_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one of 'memory', 'crash', 'durable', not 'sure'"):
        open_store(tmp_path / "r.db", "sure")
    with pytest.raises(ValueError, match="in memory cannot acknowledge 'durable'"):
        open_store(None, "durable")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("where", "error", "says"),
    [
        ("", StoreError, "'': it names no file"),
        (":memory:", StoreError, "None to keep it in memory"),
        ("postgresql://host/base", StoreError, "no store of this kind"),
        (b"bytes.db", TypeError, "by a path"),
        (7, TypeError, "by a path, not by 7"),
        ("/dev/null", StoreError, "/dev/null: it is no file"),
        ("/proc/store.db", StoreError, "/proc/store.db: "),
    ],
)
def test_what_names_no_file_is_refused(where: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        open_store(where)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no/such/r\.db: its folder does not exist\. Make"):
        open_store(tmp_path / "no" / "such" / "r.db")
    with pytest.raises(StoreError, match="it is no file"):
        open_store(tmp_path)
    assert os.listdir(tmp_path) == []


def test_without_the_right_to_write_there_is_no_store() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with closing(open_store(folder / "r.db")) as store:
            remember(store, row(1))
        (folder / "r.db").chmod(0o444)
        folder.chmod(0o555)
        try:
            before = contents(folder)
            with without_rights(), pytest.raises(StoreError, match=r"Check|Give"):
                open_store(folder / "new.db")
            with without_rights(), pytest.raises(StoreError, match=r"r\.db"):
                open_store(folder / "r.db")
            assert contents(folder) == before
        finally:
            folder.chmod(0o755)


def make_newer(path: Path) -> None:
    with closing(open_store(path)) as store:
        remember(store, row(1))
    with closing(apsw.Connection(str(path))) as database:
        database.execute("PRAGMA user_version = 2")


def make_foreign(path: Path) -> None:
    with closing(apsw.Connection(str(path))) as database:
        database.execute("CREATE TABLE results(key); PRAGMA user_version = 1")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (make_newer, "it is a store of format 2, and this version of elsewhere knows format 1"),
        (make_foreign, "it is no store, and is left as it is"),
        (lambda path: path.write_bytes(b"a text that is no database\n" * 300), "it is no store"),
        (lambda path: path.write_bytes(b"short"), "it is no store"),
        (lambda path: path.touch(), "it is no store"),
    ],
)
def test_what_is_not_ours_is_refused_untouched(tmp_path: Path, make: Any, says: str) -> None:
    path = tmp_path / "r.db"
    make(path)
    before, changed = contents(tmp_path), path.stat().st_mtime_ns
    with pytest.raises(StoreError, match=says) as raised:
        open_store(path)
    assert raised.value.path == str(path)
    assert contents(tmp_path) == before
    assert path.stat().st_mtime_ns == changed


def test_looking_at_a_store_leaves_the_locks_of_another_pool_in_place(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    with closing(open_store(path)) as store:
        remember(store, row(1))
        with closing(open_store(path)) as other:
            remember(other, row(2))
        remember(store, row(3))
        assert all(store.get(key(number)) for number in (1, 2, 3))
        # The last to close removes the log; another one that is open prevents that.
        assert (tmp_path / "r.db-wal").exists()
