"""What the peers with the interface of `multiprocessing.Pool` have in common."""

from typing import Any

from benchmarks.peer import Call, Function, Idiom, Idioms, Peer, Submits


class ApplyPeer(Peer):
    """A pool with `apply` and `apply_async`."""

    _pool: Any

    def submits(self) -> Idioms[Submits]:
        return {"apply_async": Idiom(self._submit_all)}

    def calls(self) -> Idioms[Call]:
        return {"apply": Idiom(lambda function, item: self._pool.apply(function, (item,)))}

    def _submit_all(self, function: Function, count: int) -> list[Any]:
        results = [self._pool.apply_async(function, (item,)) for item in range(count)]
        return [result.get() for result in results]
