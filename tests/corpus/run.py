"""Prints the keys of all projects in a folder, each found in a fresh process.

    python -m tests.corpus.run FOLDER

FOLDER has one folder for each project. Each is run in a fork of a process that has imported nothing
of any project, so a batch takes little longer than its projects.
"""

import importlib
import json
import os
import sys
import traceback
from pathlib import Path

from elsewhere.errors import NoKey
from elsewhere.keys.key import key_of

PATHS = ("site-packages", "develop", "")
"""folders of a project on the path, as far as they are there"""


def call_of(project: Path) -> tuple[object, tuple[object, ...], dict[str, object]]:
    """The function and the arguments of a project, which is imported."""
    sys.path[:0] = [str(place) for name in reversed(PATHS) if (place := project / name).is_dir()]
    task = importlib.import_module("task")
    return task.f, *getattr(task, "CALL", ((2,), {}))


def answer(project: Path) -> str:
    """The key, or why there is none."""
    function, args, kwargs = call_of(project)
    if not callable(function):
        raise TypeError(f"{project.name} has no function f")
    try:
        return key_of(function, args, kwargs).hex()
    except NoKey as error:
        return f"refused: {error}"


def answer_in_fork(project: Path) -> str:
    """As `answer`, in a child process; or how that failed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            os.write(writing, answer(project).encode())
            status = 0
        except BaseException:  # noqa: BLE001  the parent is told, and the child must not return
            os.write(writing, traceback.format_exc()[-2000:].encode())
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as said:
        text = said.read()
    return text if os.waitpid(child, 0)[1] == 0 else f"failed: {text}"


def main(folder: Path) -> None:
    projects = sorted(path for path in folder.iterdir() if path.is_dir())
    print(json.dumps({path.name: answer_in_fork(path) for path in projects}))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
