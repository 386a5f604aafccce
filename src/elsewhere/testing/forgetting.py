"""When workers must forget functions, and may: the oracle that knows which are released."""

from collections.abc import Iterable

from elsewhere.calls.messages import Forget
from elsewhere.testing.books import WorkerBook, break_promise


class Forgetting:
    """`live` counts the calls of each function that are not settled."""

    def __init__(self, workers: dict[int, WorkerBook], live: dict[int, int]) -> None:
        self._workers = workers
        self._live = live
        self._released: set[int] = set()
        self._lingering: dict[int, None] = {}
        """functions that should be forgotten in this step"""

    def release(self, functions: Iterable[int]) -> None:
        self._released.update(functions)
        self._lingering.update(dict.fromkeys(functions))

    def see_forget(self, number: int, worker: WorkerBook, message: Forget) -> None:
        for function in message.functions:
            if function not in worker.functions:
                break_promise(9, number, message)
            worker.functions.discard(function)
            if function not in self._released:
                break_promise(18, number, message)

    def judge(self, ended: list[int]) -> None:
        """The step is over, in which calls of these functions were settled."""
        for function in ended:
            if function in self._released and not self._live[function]:
                self._lingering[function] = None
        ended.clear()
        for function in self._lingering:
            if not self._live.get(function) and any(
                function in worker.functions for worker in self._workers.values()
            ):
                break_promise(18, function)
        self._lingering.clear()
