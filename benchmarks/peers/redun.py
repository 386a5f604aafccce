"""redun: tasks whose results a database remembers. It is measured for that alone."""

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from redun import Scheduler, task
from redun.config import Config

from benchmarks.calls import watched
from benchmarks.peer import Function, Idiom, Idioms, Peer, Remember


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


def remember(
    folder: Path, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    database, empty = folder / "redun.db", folder.parent / "empty.db"
    if not database.exists() and empty.exists():
        # Making the tables takes longer than all the rest.
        shutil.copy(empty, database)
    scheduler = Scheduler(config=Config({"backend": {"db_uri": f"sqlite:///{database}"}}))
    scheduler.load()
    if not empty.exists():
        shutil.copy(database, empty)
    known = task(name="f", namespace="corpus")(function)
    with watched(function) as runs:
        scheduler.run(known(*args, **kwargs))
    return not runs
