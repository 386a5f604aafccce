"""redun: tasks whose results a database remembers. It is measured for that alone."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from redun import Scheduler, task
from redun.config import Config

from benchmarks.calls import watched
from benchmarks.peer import CallEach, Function, Idiom, Idioms, Peer, Remember, Remembering


class Redun(Peer):
    script = None

    def version(self) -> str:
        return version("redun")

    def open(self) -> None:
        return

    def close(self) -> None:
        return

    def remembers(self) -> Idioms[Remember]:
        return {"task": Idiom(remember)}

    def pure_calls(self) -> Idioms[Remembering]:
        return {"task": Idiom(remembering, fewer=200)}


@contextmanager
def remembering(function: Function, folder: Path) -> Iterator[CallEach]:
    scheduler = opened(folder / "redun.db")
    known = task(name="f", namespace="benchmark")(function)

    def call_each(items: Sequence[Any]) -> list[Any]:
        return list(scheduler.run([known(item) for item in items]))

    yield call_each


def opened(database: Path) -> Scheduler:
    scheduler = Scheduler(config=Config({"backend": {"db_uri": f"sqlite:///{database}"}}))
    scheduler.load()
    return scheduler


def remember(
    folder: Path, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    database, empty = folder / "redun.db", folder.parent / "empty.db"
    if not database.exists() and empty.exists():
        # Making the tables takes longer than all the rest.
        shutil.copy(empty, database)
    scheduler = opened(database)
    if not empty.exists():
        shutil.copy(database, empty)
    known = task(name="f", namespace="corpus")(function)
    with watched(function) as runs:
        scheduler.run(known(*args, **kwargs))
    return not runs
