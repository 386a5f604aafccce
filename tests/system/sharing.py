"""Functions that are given what is made once for all workers of a node."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import elsewhere
from elsewhere import Depends

MEBIBYTE = 2**20
SIZE = 64 * MEBIBYTE
initialised = 0


class Table(NamedTuple):
    maker: int
    data: bytearray


def make_table(notes: str) -> Iterator[Table]:
    _note(notes, "makes")
    print("makes a table")
    yield Table(os.getpid(), bytearray(os.urandom(MEBIBYTE)) * (SIZE // MEBIBYTE))
    _note(notes, "ends")


def _note(path: str, word: str) -> None:
    if path:
        with open(path, "a") as file:
            file.write(f"{word} {os.getpid()}\n")


class Seen(NamedTuple):
    """What a call sees: who has made its table, and where the call runs, below which process."""

    maker: int
    process: int
    parent: int


def _see(table: Table) -> Seen:
    return Seen(table.maker, os.getpid(), os.getppid())


Shared = Annotated[Table, Depends(make_table, "").options(scope="node")]


def see(seconds: float, table: Shared) -> Seen:
    time.sleep(seconds)
    return _see(table)


async def see_later(x: object, table: Shared) -> Seen:
    return _see(table)


def shared_bytes(table: Shared) -> tuple[float, float]:
    """How much of this process is shared in memory, and its own."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    amounts = {words[0]: float(words[1]) for line in lines[1:] if (words := line.split())}
    return 1024 * amounts["Rss:"], 1024 * amounts["Private_Dirty:"]


def noting(notes: str) -> Any:
    """A function whose provider tells what it does."""

    def see_noted(
        seconds: float, table: Annotated[Table, Depends(make_table, notes).options(scope="node")]
    ) -> Seen:
        time.sleep(seconds)
        return _see(table)

    return see_noted


def inside(count: int) -> list[Seen]:
    return [elsewhere.call(see, 0.0) for _ in range(count)]


def from_thread(count: int) -> list[Seen]:
    found: list[Seen] = []
    thread = threading.Thread(target=lambda: found.extend(elsewhere.map(see, [0.0] * count)))
    thread.start()
    thread.join()
    return found


def make_calls(count: int, table: Shared) -> int:
    return sum(elsewhere.map(abs, range(count)))


def crash(how: int, table: Shared) -> None:
    """Exit with a code, or by a signal if it is negative."""
    if how < 0:
        os.kill(os.getpid(), -how)
    os._exit(how)


def fail(x: int, table: Shared) -> None:
    raise LookupError(f"no {x}")


def change(x: int, table: Shared) -> int:
    table.data[0] = x
    return os.getpid()


def first(x: object, table: Shared) -> int:
    return table.data[0]


def spin(seconds: float, table: Shared) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)


def be_deaf(table: Shared) -> None:
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:  # noqa: BLE001  # that is what is tested
            print("hears nothing")


def say(words: str, table: Shared) -> None:
    print(words)


def length(data: bytes, table: Shared) -> int:
    return len(data)


kept: list[Any] = []


def keep(data: Any, table: Shared) -> int:
    kept.append(data)
    return len(data)


def fill(size: int, table: Shared) -> bytes:
    return bytes(size)


def broken(notes: str) -> int:
    _note(notes, "tries")
    raise LookupError("no table")


def needs_broken(notes: str) -> Any:
    def use(x: int, table: Annotated[int, Depends(broken, notes).options(scope="node")]) -> int:
        return table

    return use


def deadly() -> int:
    os._exit(3)


def needs_deadly(table: Annotated[int, Depends(deadly).options(scope="node")]) -> int:
    return table


def index(table: Shared) -> int:
    return table.maker


def brief(table: Shared) -> int:
    return os.getpid()


def several(
    x: object,
    table: Shared,
    index: Annotated[int, Depends(index)],
    brief: Annotated[int, Depends(brief).options(scope="call")],
) -> tuple[Seen, int, int]:
    return _see(table), index, brief


def initialise(value: int) -> None:
    global initialised  # that is what is tested
    initialised = value


def initial(table: Shared) -> int:
    return initialised


LOCK = threading.Lock()


def locked() -> int:
    with LOCK:
        return 1


def without_name(x: int, table: Annotated[int, Depends(locked).options(scope="node")]) -> int:
    return x


def kept_values(table: Shared) -> list[int]:
    return [int(data[-1]) for data in kept]


def idle(load: Any) -> Any:
    def use(
        x: int, table: Annotated[int, Depends(load).options(scope="node", idle_seconds=0.1)]
    ) -> int:
        return os.getpid()

    return use
