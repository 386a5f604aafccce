"""DBOS: steps and workflows whose results a database remembers. It is measured for that alone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dbos import DBOS, SetWorkflowID

from benchmarks.peer import CallEach, Function, Idiom, Idioms, Peer, Remembering

RUN = "all"


class Dbos(Peer):
    script = None

    def version(self) -> str:
        return version("dbos")

    def open(self) -> None:
        return

    def close(self) -> None:
        return

    def pure_calls(self) -> Idioms[Remembering]:
        return {
            "steps of one workflow": Idiom(remembering_steps, fewer=100),
            "workflows with ids": Idiom(remembering_workflows, fewer=200),
        }


@contextmanager
def opened(folder: Path) -> Iterator[None]:
    """DBOS on SQLite in a folder; registers what is decorated in the block."""
    DBOS(
        config={
            "name": "benchmark",
            "system_database_url": f"sqlite:///{folder / 'dbos.sqlite'}",
            "run_admin_server": False,
            "log_level": "ERROR",
        }
    )
    try:
        yield
    finally:
        DBOS.destroy(destroy_registry=True)


@contextmanager
def remembering_steps(function: Function, folder: Path) -> Iterator[CallEach]:
    """Steps are remembered by their place, so the second time the workflow is forked at its end.

    A fork is begun by a queue that is looked at once a second, and that is a part of its time.
    """
    remembered = (folder / "dbos.sqlite").exists()
    with opened(folder):
        step = DBOS.step()(function)

        def call_steps(items: list[Any]) -> list[tuple[Any, Any]]:
            return [(item, step(item)) for item in items]

        workflow = DBOS.workflow()(call_steps)
        DBOS.launch()

        def call_each(items: Sequence[Any]) -> list[Any]:
            if remembered:
                pairs = DBOS.fork_workflow(RUN, len(items) + 1).get_result()
            else:
                with SetWorkflowID(RUN):
                    pairs = workflow(list(items))
            values = dict(pairs)
            return [values[item] for item in items]

        yield call_each


@contextmanager
def remembering_workflows(function: Function, folder: Path) -> Iterator[CallEach]:
    """One workflow for each call: what has run under an id is not run again."""
    with opened(folder):
        workflow = DBOS.workflow()(function)
        DBOS.launch()

        def call_each(items: Sequence[Any]) -> list[Any]:
            values = []
            for item in items:
                with SetWorkflowID(str(item)):
                    values.append(workflow(item))
            return values

        yield call_each
