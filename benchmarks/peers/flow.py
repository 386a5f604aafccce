"""What the peers have in common whose calls take the futures of others as arguments."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.peer import Function, ReadEach, Shared, Stages, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """`submit(function, *arguments)` returns a future, and takes futures among the arguments.

    `wait` returns when all futures are done, and fetches no values. `put` makes a future of a value.
    """

    submit: Callable[..., Any]
    gather: Callable[[list[Any]], list[Any]]
    wait: Callable[[list[Any]], object]
    put: Callable[[Any], Any]

    def chain(self, function: Function, length: int) -> Any:
        """Call a function of its own value, again and again, and fetch the last value only."""
        future = self.submit(function, 0)
        for _ in range(length - 1):
            future = self.submit(function, future)
        return self.gather([future])[0]

    def pipeline(self, stages: Stages) -> list[Any]:
        """Ask for everything at once; no value but the last of each chunk is kept for anybody."""
        return self.gather(
            [
                self.submit(stages.reduce, self.submit(stages.change, self._make(stages, number)))
                for number in range(stages.chunks)
            ]
        )

    def pipeline_all_made(self, stages: Stages) -> list[Any]:
        """Do not go on before all chunks are there."""
        made = [self._make(stages, number) for number in range(stages.chunks)]
        self.wait(made)
        reduced = []
        # What is changed is kept for nobody else, so it need not be remembered any longer.
        for number in range(stages.chunks):
            reduced.append(self.submit(stages.reduce, self.submit(stages.change, made[number])))
            made[number] = None
        return self.gather(reduced)

    @contextmanager
    def share(self, shared: Shared) -> Iterator[ReadEach]:
        future = self.put(shared.array)

        def read_each(indices: Sequence[int]) -> list[Any]:
            return self.gather([self.submit(shared.read, future, index) for index in indices])

        yield read_each

    def means(self, table: Table) -> dict[int, float]:
        parts = [
            self.submit(table.add_up, self.submit(table.make, number, table.rows))
            for number in range(table.chunks)
        ]
        means: dict[int, float] = self.gather([self.submit(table.combine, *parts)])[0]
        return means

    def _make(self, stages: Stages, number: int) -> Any:
        return self.submit(stages.make, number, stages.items)
