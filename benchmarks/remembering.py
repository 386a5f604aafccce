"""One side of the corpus: `python -m benchmarks.remembering PEER VARIANT PROJECTS STORES`.

Calls the function of every project in PROJECTS, each in a fresh process, with a folder of STORES for
what is remembered. Prints for each whether its answer was found there, or why it cannot be known.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.catalogue import find_entry, load_peer
from benchmarks.peer import Refused, Remember

FOUND, RAN, REFUSED = "found", "ran", "refused"
PATHS = ("site-packages", "develop", "")
"""folders of a project that belong on the path, as far as they are there"""


def look(remember: Remember, project: Path, store: Path) -> str:
    store.mkdir(exist_ok=True)
    sys.path[:0] = [str(place) for name in reversed(PATHS) if (place := project / name).is_dir()]
    task = importlib.import_module("task")
    args, kwargs = getattr(task, "CALL", ((2,), {}))
    try:
        return FOUND if remember(store, task.f, args, kwargs) else RAN
    except Refused as error:
        return f"{REFUSED}: {error}"


def in_fork(work: Callable[[], str]) -> str:
    """Return what `work` gives in a child process; an error of it counts as a refusal."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            answer = work()
        except BaseException as error:  # noqa: BLE001 - whatever a library raises is its answer
            answer = f"{REFUSED}: {type(error).__name__}: {error}"
        os.write(writing, answer.encode()[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        answer = said.read()
    os.waitpid(child, 0)
    return answer or f"{REFUSED}: the process died"


def main(arguments: list[str]) -> None:
    peer, variant, projects, stores = arguments
    remember = load_peer(find_entry(peer)).remembers()[variant].run
    # What a project prints does not belong to the answers.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    found = {
        project.name: in_fork(lambda p=project: look(remember, p, Path(stores) / p.name))  # type: ignore[misc]  # bound at once
        for project in sorted(Path(projects).iterdir())
    }
    os.write(answers, json.dumps(found).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
