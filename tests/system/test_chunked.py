"""A Chunked with a pool: the chunks stay away, and only what is looked at comes."""

import os
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import elsewhere
from elsewhere import Chunked, Pool, StoreError
from elsewhere.stores.memory import BYTES_MAX
from tests.requirements import need


class Traveller(list[int]):
    """Elements that tell where they are decoded."""

    def __init__(self, values: Any, note: str) -> None:
        super().__init__(values)
        self.note = note

    def __reduce__(self) -> tuple[Any, ...]:
        return arrive, (list(self), self.note)


def arrive(values: list[int], note: str) -> Traveller:
    with Path(note).open("a") as file:
        file.write(f"{os.getpid()}\n")
    return Traveller(values, note)


def make(start: int, note: str) -> Traveller:
    return Traveller(range(start, start + 10), note)


def test_chunks_do_not_come_to_the_client(pool: Pool, tmp_path: Path) -> None:
    note = tmp_path / "note"
    xs = Chunked.of(pool.submit(make, start, str(note)) for start in range(0, 40, 10))
    total = xs.map(sum).reduce(lambda a, b: a + b)
    parts = xs.shuffle(lambda one: one % 3, 3)
    assert total.result(timeout=60) == sum(range(40))
    assert (len(xs), len(parts), xs[25]) == (40, 40, 25)
    assert sorted((xs[5:35:2] + 1).map(sum).gather()) == [24, 66, 80, 130]
    assert xs.zip(xs).map(len).gather() == [10] * 4
    assert str(os.getpid()) not in note.read_text().split()
    assert xs.gather() == list(range(40))
    assert str(os.getpid()) in note.read_text().split()


def test_what_is_made_of_it_is_sent_before_it_exists(pool: Pool, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    xs = Chunked.of(pool.submit(wait_for_file, str(gate), n) for n in range(2))
    made = (xs.shuffle(parts=2).map(sum) + 1).reduce(lambda a, b: a + b)
    assert not made.done()
    gate.touch()
    assert made.result(timeout=60) == 3


def test_when_its_pool_has_ended_it_goes_on_inline() -> None:
    with Pool(1):
        xs = Chunked.split(range(4), 2)
    assert (xs + 1).gather() == [1, 2, 3, 4]


def wait_for_file(path: str, number: int) -> list[int]:
    import time

    while not Path(path).exists():
        time.sleep(0.01)
    return [number]


def test_frames_are_grouped_by_a_shuffle(pool: Pool) -> None:
    need(find_spec("pandas"), "pandas", "pip install pandas")
    import pandas as pd

    frame = pd.DataFrame({"k": list("abcab") * 20, "v": range(100)})
    xs = Chunked.split(frame, 5)
    means = xs.shuffle("k", 3).map(lambda part: part.groupby("k").v.mean()).gather()
    assert means.to_dict() == frame.groupby("k").v.mean().to_dict()
    assert ((xs.map(lambda part: part.v) * 2) > 100).gather().sum() == 49
    assert xs[10:90:3].gather().equals(frame[10:90:3])
    assert xs.head(3).equals(frame.head(3))


def test_arrays_and_tables_go_through(pool: Pool) -> None:
    need(find_spec("pyarrow"), "pyarrow", "pip install pyarrow")
    import numpy as np
    import pyarrow as pa

    xs = Chunked.split(np.arange(1000), 7)
    parts = [chunk.result() for chunk in xs.shuffle(xs % 10, 4).chunks]
    assert sorted(one % 10 for part in parts for one in {*(part % 10)}) == list(range(10))
    assert ((xs * 2 - xs) == xs).gather().all()
    table = pa.table({"k": [1, 2, None, 1] * 10, "v": list(range(40))})
    ts = Chunked.split(table, 3)
    assert ts[::-1].gather().to_pydict() == table.take(list(range(39, -1, -1))).to_pydict()
    shuffled = ts.shuffle(["k"], 4).gather().to_pylist()
    assert Counter(row["k"] for row in shuffled) == {1: 20, 2: 10, None: 10}


def test_equal_keys_meet_whatever_the_seed_of_the_hash() -> None:
    program = (
        "from elsewhere import Chunked\n"
        "xs = Chunked.split(['a', 'b', 'c', None, 1, 2.5, (1, 'x'), b'y', frozenset('pq')], 2)\n"
        "print([sorted(map(str, c.result())) for c in xs.map(list).shuffle(parts=4).chunks])\n"
    ).replace("map(str,", "map(lambda k: str(sorted(k)) if type(k) is frozenset else str(k),")
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "12345")
    }
    assert len(printed) == 1
    assert "frozenset" not in printed.pop()


def test_as_an_argument_it_is_one_value(pool: Pool) -> None:
    xs = Chunked.split(range(10), 3)
    assert pool.submit(sum, xs).result(timeout=60) == 45
    assert pool.submit(dict, {"a": xs[3:6]}).result(timeout=60) == {"a": [3, 4, 5]}


def test_in_another_pool_it_goes_on(pool: Pool, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    xs = Chunked.of([pool.submit(wait_for_file, str(gate), 5)])
    with Pool(1):
        later = xs + 1
        gate.touch()
        assert later.gather() == [6]
        assert xs.gather() == [5]
        assert (xs + 1).gather() == [6]


def test_a_checkpoint_outlives_its_pool(tmp_path: Path) -> None:
    import numpy as np

    store = tmp_path / "results.db"
    with Pool(2, store=store):
        xs = Chunked.split(np.arange(100_000), 5)
        xs.checkpoint("numbers")
        xs.checkpoint("numbers")
        (xs[:0]).checkpoint("none")
        with pytest.raises(ValueError, match=r"has a checkpoint 'numbers' of other values"):
            (xs + 1).checkpoint("numbers")
    with Pool(1, store=store):
        ys = Chunked.restore("numbers")
        assert len(ys.chunks) == 5
        assert (ys.gather() == np.arange(100_000)).all()
        assert (ys + 1)[-1] == 100_000
        assert len(Chunked.restore("none")) == 0
        with pytest.raises(TypeError, match="name of a checkpoint must be a text, not 5"):
            xs.checkpoint(5)  # type: ignore[arg-type]  # that is what is refused
        with pytest.raises(TypeError, match="name of a checkpoint must be a text, not 5"):
            Chunked.restore(5)  # type: ignore[arg-type]  # that is what is refused
        with pytest.raises(KeyError, match="no checkpoint 'other'"):
            Chunked.restore("other")


def test_a_checkpoint_may_be_written_again_of_equal_values(pool: Pool) -> None:
    xs = Chunked.split(range(4), 2)
    shared = xs.map(lambda chunk: [{"a": "word" * 9, "b": n, "c": {n, 99}} for n in chunk])
    built = xs.map(
        lambda chunk: [{"c": {99, n}, "b": n, "a": "".join(["word"] * 9)} for n in chunk]
    )
    shared.checkpoint("same")
    built.checkpoint("same")
    assert Chunked.restore("same").gather() == shared.gather()
    for other in (built[:2], built.map(lambda chunk: [*chunk, 1]), Chunked.of([*built.chunks] * 2)):
        with pytest.raises(ValueError, match="of other values"):
            other.checkpoint("same")
    xs.map(lambda chunk: [object()]).checkpoint("unnamed")
    with pytest.raises(ValueError, match="of other values"):
        xs.map(lambda chunk: [object(), 1]).checkpoint("unnamed")


def test_a_checkpoint_that_was_interrupted_leaves_no_trace(tmp_path: Path) -> None:
    with Pool(2, store=tmp_path / "results.db"):
        xs = Chunked.split([1, 0, 2], 3).map(lambda chunk: [6 // one for one in chunk])
        with pytest.raises(ZeroDivisionError):
            xs.checkpoint("sixths")
        with pytest.raises(KeyError):
            Chunked.restore("sixths")
        (Chunked.split([1, 2], 2) + 5).checkpoint("sixths")
        assert Chunked.restore("sixths").gather() == [6, 7]


def test_a_chunk_that_the_store_does_not_have_is_missed(pool: Pool) -> None:
    Chunked.of([pool.submit(bytes, BYTES_MAX + 1)]).checkpoint("large")
    with pytest.raises(StoreError, match="does not have its chunk 0 any more"):
        Chunked.restore("large")


def test_inside_a_call_it_works_as_in_the_client(pool: Pool) -> None:
    assert pool.submit(use_inside).result(timeout=60) == use_inside() == (9900, [4, 5], [1, 2, 3])


def use_inside() -> tuple[int, list[int], list[int]]:
    xs = Chunked.split(range(100), 4)
    total: int = (xs * 2).map(sum).reduce(lambda a, b: a + b).result()
    one = elsewhere.spawn(int, 3)
    given: list[int] = (
        Chunked.split([1, 2], 1).map(lambda chunk, more: chunk + more, [one]).gather()
    )
    assert sorted(xs.shuffle(lambda n: n % 3).gather()) == list(range(100))
    return total, (xs + 1)[3:5].gather(), given


def test_inside_a_call_there_is_no_store(pool: Pool) -> None:
    with pytest.raises(RuntimeError, match="in the client"):
        elsewhere.call(restore_inside)


def restore_inside() -> int:
    return len(Chunked.restore("anything"))
