"""A store in a file against a dictionary, over what its users may do to it in any order."""

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from elsewhere.calls.messages import Verdict
from elsewhere.errors import StoreDamaged
from elsewhere.store import Acknowledge, Remember
from elsewhere.stores.eviction import evict
from elsewhere.stores.opening import open_store
from elsewhere.stores.summary import summarise
from tests.remembering import LARGE, key, remember

NUMBERS = st.integers(0, 12)
FUNCTIONS = st.sampled_from(["pkg.f", "pkg.g", "größe.ф"])
# By their lengths, so that an example can be read.
LENGTHS = st.sampled_from([0, 5, 70_000, len(LARGE)]) | st.integers(0, 50)
VERDICTS = st.sampled_from([Verdict.VALUE, Verdict.ERROR])
TWO_RESULTS = ".* has two results for one key"
"""what is drawn gives keys other results, and the store says so"""
Drawn: TypeAlias = tuple[int, str, Verdict, int, float, bytes]
ROWS = st.tuples(NUMBERS, FUNCTIONS, VERDICTS, LENGTHS, st.floats(0, 1e6), st.binary(max_size=9))


def made_of(drawn: Drawn) -> Remember:
    number, function, verdict, length, elapsed, parts = drawn
    return Remember(key(number), function, verdict, LARGE[:length], elapsed, parts)


class FileStore(RuleBasedStateMachine):
    @initialize(level=st.sampled_from(Acknowledge))
    def open(self, level: Acknowledge) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "r.db"
        self.level = level
        self.store = open_store(self.path, level)
        self.expected: dict[bytes, Remember] = {}
        self.order: list[bytes] = []

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.store.close()
            self.folder.cleanup()

    @rule(drawn=st.lists(ROWS, max_size=4))
    def write(self, drawn: Sequence[Drawn]) -> None:
        rows = [made_of(each) for each in drawn]
        remember(self.store, *rows)
        if self.level is Acknowledge.MEMORY:
            # What is only queued is there once the store was closed.
            self.reopen()
        for row in rows:
            if row.key not in self.expected:
                self.expected[row.key] = row
                self.order.append(row.key)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = open_store(self.path, self.level)

    @rule(number=NUMBERS)
    def get(self, number: int) -> None:
        self.check(number)

    @rule(function=FUNCTIONS)
    def latest(self, function: str) -> None:
        rows = [self.expected[name] for name in self.order]
        keys = [row.key for row in rows if row.function == function and row.parts]
        found = self.store.latest(function)
        assert (found is None) == (not keys)
        assert found is None or found.key == keys[-1]

    @rule(function=FUNCTIONS)
    def evict(self, function: str) -> None:
        gone = [row.key for row in self.expected.values() if row.function == function]
        assert evict(self.path, function=function).results == len(gone)
        for name in gone:
            del self.expected[name]
            self.order.remove(name)

    @precondition(lambda self: any(len(row.payload) >= 70_000 for row in self.expected.values()))
    @rule(place=st.integers(0, 69_999))
    def damage(self, place: int) -> None:
        """One blob is damaged: every result that names it is a miss, warned of, and written again."""
        victim = next(row for row in self.expected.values() if len(row.payload) >= 70_000)
        for blob in self.path.with_name("r.db.blobs").glob("??/*"):
            if blob.read_bytes() == victim.payload:
                content = bytearray(victim.payload)
                content[place] ^= 1
                blob.write_bytes(content)
        named = [row for row in self.expected.values() if row.payload == victim.payload]
        for row in named:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                warnings.filterwarnings("ignore", TWO_RESULTS)
                assert self.store.get(row.key) is None
            assert all(isinstance(warning.message, StoreDamaged) for warning in caught)
        remember(self.store, *named)
        # The blob is whole again, and with it the rows that name it.
        if self.level is Acknowledge.MEMORY:
            self.reopen()

    @invariant()
    def nothing_else_is_kept(self) -> None:
        if not hasattr(self, "store"):
            return
        if self.level is not Acknowledge.MEMORY:
            kept = summarise(self.path)
            assert sum(function.results for function in kept.functions) == len(self.expected)

    @invariant()
    def all_is_there(self) -> None:
        if hasattr(self, "store"):
            for number in range(13):
                self.check(number)

    def check(self, number: int) -> None:
        found = self.store.get(key(number))
        expected = self.expected.get(key(number))
        assert (found and found[:-1]) == (expected and tuple(expected))


FileStore.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestFileStore = pytest.mark.filterwarnings(f"ignore:{TWO_RESULTS}:RuntimeWarning")(
    FileStore.TestCase
)
