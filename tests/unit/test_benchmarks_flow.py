"""What the benchmarks of calls with futures as inputs send away, run here; and how they are wired."""

import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import arrays
from benchmarks.functions import increment
from benchmarks.peer import (
    Averages,
    Chain,
    Function,
    Idiom,
    Idioms,
    Peer,
    Pipeline,
    ReadEach,
    Share,
    Shared,
    Spilling,
    Stages,
    Table,
)
from benchmarks.peers.by_hand import serve
from benchmarks.peers.flow import Flow
from benchmarks.workload import Scale, Workload, WrongResult
from benchmarks.workloads import chain, load_workload, pipeline, shared, spill
from tests.requirements import need

QUICK = Scale(quick=True)


class Value:
    """The future of a call that has run when it was asked for."""

    def __init__(self, value: Any) -> None:
        self.value = value


def flow_here(asked: list[str]) -> Flow:
    """Return calls that run here; `asked` gets the names of the functions, and of the waiting."""

    def submit(function: Function, *arguments: Any) -> Value:
        asked.append(function.__name__)
        values = [item.value if isinstance(item, Value) else item for item in arguments]
        return Value(function(*values))

    def wait(futures: list[Value]) -> None:
        asked.append(f"wait for {len(futures)}")

    return Flow(
        submit=submit,
        gather=lambda futures: [future.value for future in futures],
        wait=wait,
        put=Value,
    )


class PeerHere(Peer):
    """Does everything here, and does something to the results on their way."""

    script = None

    def __init__(self, bend: Callable[[Any], Any] = lambda result: result) -> None:
        self._flow = flow_here([])
        self._bend = bend

    def version(self) -> str:
        return "1.0"

    def open(self) -> None:
        return

    def close(self) -> None:
        return

    def chains(self) -> Idioms[Chain]:
        return {"here": Idiom(lambda *call: self._bend(self._flow.chain(*call)))}

    def pipelines(self) -> Idioms[Pipeline]:
        return {"here": Idiom(lambda stages: self._bend(self._flow.pipeline(stages)))}

    def spilling(self) -> Idioms[Spilling]:
        return {"here": Idiom(self._spilling)}

    def shares(self) -> Idioms[Share]:
        return {"here": Idiom(self._share)}

    def averages(self) -> Idioms[Averages]:
        return {"here": Idiom(lambda table: self._bend(self._flow.means(table)))}

    @contextmanager
    def _spilling(self, budget: int, folder: Path) -> Iterator[Pipeline]:
        assert folder.is_dir()
        yield lambda stages: self._bend(self._flow.pipeline_all_made(stages))

    @contextmanager
    def _share(self, shared: Shared) -> Iterator[ReadEach]:
        with self._flow.share(shared) as read_each:
            yield lambda indices: self._bend(read_each(indices))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the workloads as small as they can be."""
    monkeypatch.setattr(chain, "CALLS", 100)
    for module in (pipeline, spill):
        monkeypatch.setattr(module, "CHUNKS", 3)
        monkeypatch.setattr(module, "ITEMS", 100)
    monkeypatch.setattr(shared, "ITEMS", 1000)
    monkeypatch.setattr(shared, "WARM_UP_ITEMS", 500)


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> Workload:
    if name == "mapreduce":
        need(find_spec("pandas"), "pandas", "pip install pandas")
        from benchmarks.workloads import mapreduce

        monkeypatch.setattr(mapreduce, "ROWS", 12_800)
    return load_workload(name)


def measure(workload: Workload, peer: Peer) -> Mapping[str, float]:
    workload.prepare(peer, QUICK)
    (variant,) = workload.variants(peer)
    return workload.measure(peer, variant, QUICK)


ROWS = ("shared", "pipeline", "spill", "chain", "mapreduce")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ROWS)
def test_what_is_right_is_measured_in_every_metric(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = load(name, monkeypatch)
    metrics = measure(workload, PeerHere())
    assert set(metrics) == {metric.name for metric in workload.metrics}
    assert min(metrics.values()) > 0


def lose_one(result: Any) -> Any:
    """Return a result that is a little wrong."""
    if isinstance(result, dict):
        return {**result, 0: result[0] + 1.0}
    return [*result[:-1], result[-1] + 1.0] if isinstance(result, list) else result + 1


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ROWS)
def test_what_is_wrong_is_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    workload = load(name, monkeypatch)
    with pytest.raises(WrongResult):
        workload.measure(PeerHere(lose_one), "here", QUICK)


def test_all_chunks_come_to_what_is_expected() -> None:
    stages = arrays.stages(4, 25)
    every = [
        stages.reduce(stages.change(stages.make(number, stages.items)))
        for number in range(stages.chunks)
    ]
    assert every == arrays.reduced(stages)
    assert sum(every) == 2 * sum(range(100))


def test_a_chain_gives_each_call_the_value_before() -> None:
    asked: list[str] = []
    assert flow_here(asked).chain(increment, 5) == 5
    assert asked == ["increment"] * 5


def test_a_pipeline_asks_chunk_by_chunk_or_when_all_are_made() -> None:
    stages = arrays.stages(2, 10)
    asked: list[str] = []
    assert flow_here(asked).pipeline(stages) == arrays.reduced(stages)
    assert asked == ["make", "change", "reduce"] * 2
    asked.clear()
    assert flow_here(asked).pipeline_all_made(stages) == arrays.reduced(stages)
    assert asked == ["make", "make", "wait for 2", *["change", "reduce"] * 2]


@pytest.mark.parametrize(("first", "expected"), [(0, [0, 2, 4]), (1, [1, 3])])
def test_a_process_by_hand_takes_every_other_chunk(first: int, expected: Sequence[int]) -> None:
    stages = arrays.stages(5, 10)
    here, there = Pipe()
    with here, there:
        here.send((stages, first))
        here.send(None)
        segments = [mmap.mmap(-1, stages.chunk_bytes) for _ in range(2)]
        serve(there, *segments)
        assert here.recv() == [arrays.reduced(stages)[number] for number in expected]
    # What was changed last lies in the memory that others could read.
    changed = arrays.change(arrays.make(expected[-1], stages.items))
    assert np.array_equal(arrays.view(segments[1]), changed)


def test_a_process_that_was_given_no_array_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_kept", None)
    shared_array = arrays.random_shared(10, seed=1)
    with pytest.raises(RuntimeError, match="no array"):
        shared_array.read_kept(3)
    shared_array.keep()
    assert shared_array.read_kept(3) == shared_array.read(shared_array.array, 3)


def test_the_means_are_those_of_the_rows() -> None:
    need(find_spec("pandas"), "pandas", "pip install pandas")
    from benchmarks import frames

    table: Table = frames.table(3, 700)
    groups: dict[int, list[int]] = {}
    for row in range(2100):
        groups.setdefault(row * frames.STEP % frames.GROUPS, []).append(row)
    expected = {group: sum(rows) / len(rows) for group, rows in groups.items()}
    assert len(expected) == frames.GROUPS
    assert frames.means(table) == expected
    assert flow_here([]).means(table) == expected


def test_stages_say_how_many_bytes_a_chunk_takes() -> None:
    stages: Stages = arrays.stages(1, 10)
    assert stages.make(0, stages.items).nbytes == stages.chunk_bytes
