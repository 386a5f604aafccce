"""Damage at rest is found, named once, and mended when the call is computed again."""

import os
import random
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from elsewhere.errors import StoreDamaged, StoreError
from elsewhere.store import Store
from elsewhere.stores.opening import open_store
from tests.remembering import LARGE, Written, key, remember, row

Damage = Callable[[Path], None]

PAGE = 4096
ROWS = {number: row(number, bytes([number]) * 200) for number in range(200)}


def blob_of(folder: Path) -> Path:
    (blob,) = (folder / "r.db.blobs").glob("??/*")
    return blob


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x40
    path.write_bytes(content)


def change(column: str) -> Damage:
    def damage(folder: Path) -> None:
        with closing(apsw.Connection(str(folder / "r.db"))) as database:
            database.execute(f"UPDATE results SET {column}")

    return damage


def put_a_folder_in_its_place(folder: Path) -> None:
    blob = blob_of(folder)
    blob.unlink()
    blob.mkdir()


BLOB_DAMAGE: dict[str, Damage] = {
    "flipped": lambda folder: flip(blob_of(folder), 70_000),
    "truncated": lambda folder: os.truncate(blob_of(folder), 70_000),
    "empty": lambda folder: os.truncate(blob_of(folder), 0),
    "lost": lambda folder: blob_of(folder).unlink(),
    "a folder": put_a_folder_in_its_place,
}
ROW_DAMAGE: dict[str, Damage] = {
    "another payload": change("payload = x'00'"),
    "no payload": change("payload = NULL"),
    "another key": change(f"key = x'{key(2).hex()}'"),
    "another verdict": change("verdict = 1"),
    "another function": change("function = 'tests.g'"),
    "other parts": change("parts = x''"),
    "another seal": change("seal = zeroblob(32)"),
    "a blob": change("blob = payload, payload = NULL"),
}


def check_damaged(store: Store, number: int, path: Path) -> None:
    with pytest.warns(StoreDamaged) as caught:
        assert store.get(key(number)) is None
    (warning,) = caught
    assert isinstance(warning.message, StoreDamaged)
    assert warning.message.path == str(path)
    assert warning.message.key == key(number).hex()
    assert f"{path}: the result remembered as {key(number).hex()} is damaged" in str(
        warning.message
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.get(key(number)) is None


@pytest.mark.parametrize("how", BLOB_DAMAGE)
def test_a_damaged_blob_is_a_miss_and_is_replaced(tmp_path: Path, how: str) -> None:
    with closing(open_store(tmp_path / "r.db")) as store:
        remember(store, row(1, LARGE))
        path = blob_of(tmp_path)
        BLOB_DAMAGE[how](tmp_path)
        check_damaged(store, 1, path)
        if how == "a folder":
            path.rmdir()
        remember(store, row(1, LARGE))
        found = store.get(key(1))
        assert found is not None
        assert found.payload == LARGE


@pytest.mark.parametrize("how", ROW_DAMAGE)
def test_a_damaged_row_is_a_miss_and_is_replaced(tmp_path: Path, how: str) -> None:
    with closing(open_store(tmp_path / "r.db")) as store:
        remember(store, row(1))
    ROW_DAMAGE[how](tmp_path)
    number = 2 if how == "another key" else 1
    with closing(open_store(tmp_path / "r.db")) as store:
        check_damaged(store, number, tmp_path / "r.db")
        remember(store, row(number, b"computed again"))
        found = store.get(key(number))
        assert found is not None
        assert found.payload == b"computed again"


def test_what_nobody_has_read_is_replaced_too(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "r.db")) as store:
        remember(store, row(1))
    change("payload = x'00'")(tmp_path)
    with closing(open_store(tmp_path / "r.db")) as store:
        remember(store, row(1, b"computed again"))
        found = store.get(key(1))
        assert found is not None
        assert found.payload == b"computed again"


def test_a_damaged_blob_of_the_same_content_is_not_taken_for_whole(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "r.db")) as store:
        remember(store, row(1, LARGE))
        flip(blob_of(tmp_path), 0)
        remember(store, row(2, LARGE))
        assert all(store.get(key(number)) for number in (1, 2))


def test_damage_of_the_latest_result_is_named_as_well(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "r.db")) as store:
        remember(store, row(1))
    change("payload = x'00'")(tmp_path)
    with closing(open_store(tmp_path / "r.db")) as store, pytest.warns(StoreDamaged):
        assert store.latest("tests.f") is None


@pytest.mark.parametrize("how", ROW_DAMAGE)
def test_a_damaged_row_hides_no_other_among_many(tmp_path: Path, how: str) -> None:
    with closing(open_store(tmp_path / "r.db")) as store:
        remember(store, row(1))
    ROW_DAMAGE[how](tmp_path)
    damaged, sound = (2, 3) if how == "another key" else (1, 3)
    with closing(open_store(tmp_path / "r.db")) as store:
        remember(store, row(sound))
        with pytest.warns(StoreDamaged):
            missing, found = store.get_many([key(damaged), key(sound)])
        assert missing is None
        assert found is not None
        assert found.payload == row(sound).payload
        remember(store, row(damaged, b"computed again"))
        mended, again = store.get_many([key(damaged), key(sound)])
        assert mended is not None
        assert mended.payload == b"computed again"
        assert again == found


@pytest.mark.parametrize("how", BLOB_DAMAGE)
def test_a_damaged_blob_hides_no_other_among_many(tmp_path: Path, how: str) -> None:
    with closing(open_store(tmp_path / "r.db")) as store:
        remember(store, row(1, LARGE), row(2))
        BLOB_DAMAGE[how](tmp_path)
        with pytest.warns(StoreDamaged):
            missing, found = store.get_many([key(1), key(2)])
        assert missing is None
        assert found is not None
        assert found.payload == row(2).payload


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with `ROWS`, the same in every session."""
    path = tmp_path_factory.mktemp("pages") / "r.db"
    with pytest.MonkeyPatch.context() as patch, closing(open_store(path)) as store:
        patch.setattr("elsewhere.stores.writer.time.time", lambda: 1e9)
        remember(store, *ROWS.values())
    return path.read_bytes()


def check_all_that_is_found_is_right(store: Store) -> list[int]:
    """The numbers of the results that are not found."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = {number: store.get(key(number)) for number in ROWS}
        # Where an index is damaged, one way may find what the other does not.
        many = store.get_many([key(number) for number in ROWS])
    for number, result in [*found.items(), *zip(ROWS, many, strict=True)]:
        assert result is None or result[:-1] == tuple(ROWS[number])
    assert all(isinstance(warning.message, StoreDamaged) for warning in caught)
    return [number for number, result in found.items() if result is None]


def check_problem(problem: BaseException | None) -> None:
    if problem is not None:
        assert isinstance(problem, StoreError)
        assert "the database is damaged" in str(problem)
        assert "move it away" in str(problem)


def flip_bits(pages: bytes, chance: random.Random, count: int) -> bytearray:
    """Not in the first page, which says whose file it is: that is another test."""
    content = bytearray(pages)
    for _ in range(count):
        content[chance.randrange(PAGE, len(content))] ^= 1 << chance.randrange(8)
    return content


# The table that counts hits may be damaged as well.
uncounted = pytest.mark.filterwarnings("ignore:the use of results was not noted:RuntimeWarning")


@uncounted
def test_one_flipped_bit_is_nearly_always_mended(tmp_path: Path, pages: bytes) -> None:
    chance = random.Random("bits")
    hurt = mended = 0
    for number in range(100):
        path = tmp_path / f"{number}.db"
        path.write_bytes(flip_bits(pages, chance, 1))
        with closing(open_store(path)) as store:
            missing = check_all_that_is_found_is_right(store)
            for problem in [Written(store, [ROWS[number]]).problem() for number in missing]:
                check_problem(problem)
            hurt += bool(missing)
            mended += bool(missing) and not check_all_that_is_found_is_right(store)
    assert hurt > 20
    # What is left is in a page that new rows would have to be written to.
    assert mended > 0.8 * hurt


@uncounted
@pytest.mark.parametrize("seed", range(60))
def test_great_damage_is_mended_or_named_and_never_gives_a_wrong_result(
    tmp_path: Path, pages: bytes, seed: int
) -> None:
    chance = random.Random(seed)
    content = flip_bits(pages, chance, chance.randrange(10))
    start = PAGE * chance.randrange(1, len(content) // PAGE)
    content[start : start + PAGE] = chance.randbytes(PAGE)
    path = tmp_path / "r.db"
    path.write_bytes(content)
    with closing(open_store(path)) as store:
        for number in check_all_that_is_found_is_right(store):
            check_problem(Written(store, [ROWS[number]]).problem())
        check_all_that_is_found_is_right(store)
