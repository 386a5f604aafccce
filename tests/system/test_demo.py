"""`elsewhere demo` on a real pool, over a folder small enough for a test."""

import json
from pathlib import Path

from tests.system import functions
from tests.system.clients import run_python, start_client
from tests.system.waiting import wait_until

FILES = 40

DEMO = """
import sys
from pathlib import Path
from elsewhere.cli import main
from elsewhere.demo import collect, survey
from tests.system import functions

folder, page, trace = {folder!r}, {page!r}, {trace!r}
collect.python_roots = lambda: [Path(folder)]
"""

INTERRUPTED = """
def wait_for_ctrl_c(source):
    return functions.touch_and_wait(trace, trace + ".never")

survey.analyse = wait_for_ctrl_c
print("ready", flush=True)
sys.exit(main(["demo", "--workers", "2", "--output", page]))
"""


def write_modules(folder: Path) -> None:
    folder.mkdir()
    for number in range(FILES):
        lines = [f"    if x == {branch}: return {branch}" for branch in range(number)]
        (folder / f"module_{number:02}.py").write_text(
            "\n".join(["def choose(x):", *lines, "    return None", ""])
        )
    (folder / "broken.py").write_text("def broken(:\n")


def test_the_demo_measures_every_file_on_its_workers(tmp_path: Path) -> None:
    folder, page = tmp_path / "modules", tmp_path / "page.html"
    write_modules(folder)
    program = DEMO.format(folder=str(folder), page=str(page), trace="")

    ended = run_python(
        "-c", program + 'sys.exit(main(["demo", "--workers", "2", "--json", "--output", page]))'
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    found = json.loads(ended.stdout)
    assert (found["totals"]["parsed"], found["totals"]["failed"]) == (FILES, 1)
    assert found["most_complex"][0]["complexity"] == FILES
    assert sum(share["files"] for share in found["where"]) == FILES + 1
    assert found["workers"] == 2
    assert "module_39" in page.read_text("utf-8")


def test_the_demo_tells_people_what_it_does(tmp_path: Path) -> None:
    folder, page = tmp_path / "modules", tmp_path / "page.html"
    write_modules(folder)
    program = DEMO.format(folder=str(folder), page=str(page), trace="")

    ended = run_python("-c", program + 'sys.exit(main(["demo", "--output", page]))')

    assert ended.returncode == 0
    assert "The most complex functions" in ended.stdout
    assert f"measuring files: {FILES + 1}/{FILES + 1} (100%)" in ended.stderr
    assert "failed" not in ended.stderr, "a file that cannot be parsed is a result"


def test_ctrl_c_ends_the_demo_with_one_plain_line(tmp_path: Path) -> None:
    folder, page, trace = tmp_path / "modules", tmp_path / "page.html", tmp_path / "trace"
    write_modules(folder)
    program = DEMO.format(folder=str(folder), page=str(page), trace=str(trace)) + INTERRUPTED

    with start_client(program, tmp_path) as client:
        wait_until(lambda: functions.count_lines(str(trace)) == 2, "both workers are busy")
        client.press_ctrl_c()
        assert client.wait_end() == 130
        client.wait_gone()

    progress, last = client.errors.splitlines()
    assert progress.startswith(f"measuring files: 0/{FILES + 1} (0%), interrupted after")
    assert "failed" not in progress
    assert last == "elsewhere: interrupted"
    assert not page.exists()
