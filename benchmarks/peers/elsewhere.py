"""Our own adapter: no option is given, as in a user's first program."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from pathlib import Path

import elsewhere
from benchmarks.functions import same
from benchmarks.peer import (
    WORKERS,
    Function,
    Hash,
    Idiom,
    Idioms,
    Map,
    Products,
    Refused,
    Remember,
    Script,
    Stream,
)
from benchmarks.peers.executor import ExecutorPeer, products_by_closure
from elsewhere import NoKey, Pool
from elsewhere.keys.key import key_of


class Elsewhere(ExecutorPeer):
    script = Script(
        package="elsewhere",
        imports="from elsewhere import Pool",
        open=f"pool = Pool({WORKERS})",
        first="value = pool.submit(function, 3).result()",
        all_workers="values = list(pool.map(function, range(8)))",
        close="pool.shutdown()",
    )

    def version(self) -> str:
        return elsewhere.__version__

    def make(self, initializer: Callable[[], None] | None = None) -> Executor:
        return Pool(WORKERS, initializer=initializer)

    def cheap_maps(self) -> Idioms[Map]:
        return {"default": Idiom(self._map_default)}

    def costly_maps(self) -> Idioms[Map]:
        return {"default": Idiom(self._map_default)}

    def products(self) -> Idioms[Products]:
        return {"closure": Idiom(products_by_closure(self._map_default))}

    def streams(self) -> Idioms[Stream]:
        return {"default": Idiom(self._stream_default)}

    def hashes(self) -> Idioms[Hash]:
        return {"key_of": Idiom(lambda arguments: key_of(same, arguments))}

    def remembers(self) -> Idioms[Remember]:
        return {"key_of": Idiom(remember)}

    def _map_default(self, function: Function, items: Iterable[object]) -> list[object]:
        return list(self._pool.map(function, items))

    def _stream_default(self, function: Function, items: Iterable[object]) -> Iterator[object]:
        return self._pool.map(function, items)


def remember(
    folder: Path, function: Function, args: tuple[object, ...], kwargs: dict[str, object]
) -> bool:
    try:
        place = folder / key_of(function, args, kwargs).hex()
    except NoKey as error:
        raise Refused(str(error)) from error
    found = place.exists()
    place.touch()
    return found
