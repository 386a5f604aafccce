"""Functions of `__main__`, however the program was started; no program runs twice."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.requirements import need
from tests.system.clients import environment, run_python
from tests.system.waiting import wait_until

if TYPE_CHECKING:
    import pexpect

# It has no main guard: a worker that imported it would add to the count, or start pools for ever.
PROGRAM = """
import functools, os, sys

with open(os.environ["COUNT"], "a") as count:
    count.write(f"{__name__}\\n")

from elsewhere import Pool

LIMIT = 10

class TooLarge(Exception):
    def __init__(self, number, limit):
        super().__init__(f"{number} > {limit}")
        self.number = number

class Box:
    def __init__(self, number):
        self.number = number

    def double(self):
        return Box(2 * self.number)

def check(number):
    if number > LIMIT:
        raise TooLarge(number, LIMIT)
    return Box(number)

@functools.cache
def cached(number):
    return helper(number)

def helper(number):
    return number + LIMIT

pool = Pool(2)
box = pool.submit(check, 5).result()
assert type(box) is Box and box.number == 5
assert [box.number for box in pool.map(Box.double, [Box(1), Box(2)])] == [2, 4]
assert pool.submit(box.double).result().number == 10
try:
    pool.submit(check, 11).result()
except TooLarge as error:
    assert error.number == 11
LIMIT = 100
assert pool.submit(check, 11).result().number == 11
assert list(pool.map(cached, [1, 2])) == [101, 102]
print("went well")
"""


@pytest.fixture
def count(tmp_path: Path) -> Path:
    return tmp_path / "count"


def check_ran_once(ended: "subprocess.CompletedProcess[str]", count: Path) -> None:
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "went well\n", "")
    assert count.read_text().splitlines() == ["__main__"]


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path, count: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)

    check_ran_once(run_python(str(script), COUNT=str(count)), count)


def test_a_script_with_a_main_guard(tmp_path: Path, count: Path) -> None:
    script = tmp_path / "script.py"
    body = "".join(f"    {line}\n" for line in PROGRAM.splitlines())
    guard = "if __name__ == '__main__':\n    main()\n"
    script.write_text(f"def main():\n    global LIMIT, helper\n{body}\n{guard}")

    check_ran_once(run_python(str(script), COUNT=str(count)), count)


def test_a_module_that_is_run(tmp_path: Path, count: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "module.py").write_text(PROGRAM)

    check_ran_once(run_python("-m", "package.module", cwd=tmp_path, COUNT=str(count)), count)


def test_a_program_on_the_command_line(count: Path) -> None:
    check_ran_once(run_python("-c", PROGRAM, COUNT=str(count)), count)


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_a_program_from_standard_input(count: Path, arguments: tuple[str, ...]) -> None:
    check_ran_once(run_python(*arguments, stdin=PROGRAM, COUNT=str(count)), count)


@pytest.mark.parametrize("options", [("-O",), ("-I",), ("-X", "utf8"), ("-W", "ignore")])
def test_options_of_the_interpreter_hold_for_workers_too(options: tuple[str, ...]) -> None:
    program = """
import sys
sys.path[:0] = PATH
from elsewhere import Pool
with Pool(1) as pool:
    for name in ("flags", "warnoptions", "_xoptions"):
        there = pool.submit(eval, f"repr(__import__('sys').{name})").result()
        assert there == repr(getattr(sys, name)), there
print("went well")
""".replace("PATH", repr(environment()["PYTHONPATH"].split(os.pathsep)))

    ended = run_python(*options, "-c", program)

    assert (ended.stdout, ended.stderr) == ("went well\n", "")


def test_modules_beside_a_script_are_found(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("def triple(number):\n    return 3 * number\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import beside\nfrom elsewhere import Pool\n"
        "with Pool(2) as pool:\n    print(list(pool.map(beside.triple, [1, 2])))\n"
    )

    assert run_python(str(script)).stdout == "[3, 6]\n"


def test_modules_on_a_path_that_was_added_after_the_pool_began_are_found(tmp_path: Path) -> None:
    (tmp_path / "latecomer.py").write_text("def triple(number):\n    return 3 * number\n")
    program = f"""
import sys
from elsewhere import Pool
with Pool(2) as pool:
    pool.submit(abs, -1).result()
    sys.path.insert(0, {str(tmp_path)!r})
    import latecomer
    print(pool.submit(latecomer.triple, 1).result(), list(pool.map(latecomer.triple, [1, 2])))
"""

    ended = run_python("-c", program)

    assert ended.stdout == "3 [3, 6]\n", ended.stderr


# ---------------------------------------------------------------- at a prompt


class Prompt:
    """An interactive interpreter at a terminal."""

    def __init__(self, child: "pexpect.spawn[str]") -> None:
        self.child = child
        self.child.expect_exact(">>> ")

    def enter(self, text: str) -> str:
        """What the interpreter answers to `text`."""
        self.child.sendline(text)
        return self.answer(text)

    def answer(self, echo: str = "") -> str:
        self.child.expect_exact(">>> ")
        said = (self.child.before or "").replace("\r\n", "\n")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said).removeprefix(echo).strip()


@pytest.fixture
def prompt() -> Iterator[Prompt]:
    try:
        import pexpect
    except ImportError:
        need(False, "pexpect", "pip install pexpect")
        raise
    child = pexpect.spawn(
        sys.executable,
        ["-q"],
        # The prompt of 3.13 paints; the plain one can be read by a test.
        env=environment(TERM="dumb", PYTHON_BASIC_REPL="1"),
        encoding="utf-8",
        timeout=30,
    )
    prompt = Prompt(child)
    prompt.enter("import time; from elsewhere import Pool; pool = Pool(2)")
    yield prompt
    family = psutil.Process(child.pid).children(recursive=True) if child.isalive() else []
    child.close(force=True)
    wait_until(lambda: not any(process.is_running() for process in family), "nothing is left")


def test_functions_typed_at_a_prompt(prompt: Prompt) -> None:
    prompt.enter("def f(number): return number + 1\n")
    assert prompt.enter("pool.submit(f, 1).result()") == "2"
    assert prompt.enter("list(pool.map(f, range(3)))") == "[1, 2, 3]"
    assert prompt.enter("pool.submit(print, 'from a worker').result()") == "from a worker"


def test_a_function_redefined_at_a_prompt_is_the_new_one(prompt: Prompt) -> None:
    prompt.enter("def f(): return 'old'\n")
    prompt.enter("def g(): return f()\n")
    assert prompt.enter("pool.submit(g).result()") == "'old'"
    prompt.enter("def f(): return 'new'\n")
    assert prompt.enter("pool.submit(f).result()") == "'new'"
    assert prompt.enter("pool.submit(g).result()") == "'new'"


@pytest.mark.parametrize(
    "statement",
    ["list(pool.map(time.sleep, [60] * 10))", "pool.submit(time.sleep, 60).result()"],
    ids=["map", "result"],
)
def test_one_ctrl_c_gives_the_prompt_back_and_the_pool_works_on(
    prompt: Prompt, statement: str
) -> None:
    assert prompt.enter("pool.submit(abs, -1).result()") == "1"
    prompt.child.sendline(f"print('begun'); {statement}")
    prompt.child.expect_exact("begun\r\n")

    prompt.child.sendintr()

    said = prompt.answer()
    assert said.count("Traceback") == 1, said
    assert said.endswith("KeyboardInterrupt")
    assert prompt.enter("list(pool.map(abs, [-1, -2]))") == "[1, 2]"
    prompt.enter("pool.shutdown(wait=False, cancel_futures=True)")


def test_ctrl_c_at_an_idle_prompt_leaves_the_pool_alone(prompt: Prompt) -> None:
    assert prompt.enter("pool.submit(abs, -1).result()") == "1"

    prompt.child.sendintr()

    assert prompt.answer().endswith("KeyboardInterrupt")
    assert prompt.enter("pool.submit(abs, -2).result()") == "2"


def test_leaving_the_prompt_ends_the_pool(prompt: Prompt) -> None:
    import pexpect

    assert prompt.enter("pool.submit(abs, -1).result()") == "1"
    family = psutil.Process(prompt.child.pid).children(recursive=True)
    assert len(family) == 3

    prompt.child.sendeof()
    prompt.child.expect(pexpect.EOF)

    wait_until(lambda: not any(process.is_running() for process in family), "nothing is left")
    assert "Traceback" not in (prompt.child.before or "")
