"""What calls print appears in the client, in whole lines, before their results."""

import collections
import logging
import os
import re
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from elsewhere import CallQuarantined, Pool
from tests.system import functions
from tests.system.clients import environment, run_python
from tests.system.waiting import wait_until

Capture = pytest.CaptureFixture[str]


def test_what_a_call_prints_is_there_when_its_result_is(pool: Pool, capsys: Capture) -> None:
    pool.submit(print, "out", 1).result()

    assert capsys.readouterr() == ("out 1\n", "")


def test_the_two_streams_stay_apart(pool: Pool, capsys: Capture) -> None:
    def say() -> None:
        print("to standard error", file=sys.stderr)
        print("to standard output")

    pool.submit(say).result()

    assert capsys.readouterr() == ("to standard output\n", "to standard error\n")


def test_lines_of_many_calls_never_mix(pool: Pool, capsys: Capture) -> None:
    def say(number: int) -> None:
        for _ in range(20):
            sys.stdout.write(f"<{number}")
            sys.stdout.write("-" * 50)
            print(f"{number}>")

    list(pool.map(say, range(200)))

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4000
    assert all(re.fullmatch(r"<(\d+)-{50}\1>", line) for line in lines)
    assert set(collections.Counter(lines).values()) == {20}


def test_lines_of_the_threads_of_one_call_never_mix(pool: Pool, capsys: Capture) -> None:
    def say() -> None:
        threads = [
            threading.Thread(target=lambda name=name: [print(name * 20) for _ in range(50)])
            for name in "abcd"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    pool.submit(say).result()

    lines = collections.Counter(capsys.readouterr().out.splitlines())
    assert lines == {name * 20: 50 for name in "abcd"}


def test_a_long_call_is_heard_while_it_runs(pool: Pool, capsys: Capture, tmp_path: Path) -> None:
    release = tmp_path / "release"

    def work() -> None:
        print("under way")
        functions.wait_for_file(str(release))

    future = pool.submit(work)

    assert wait_until(lambda: capsys.readouterr().out, "it is heard") == "under way\n"
    assert not future.done()
    release.touch()
    future.result()


def test_an_unfinished_line_ends_with_its_call(pool: Pool, capsys: Capture) -> None:
    def say() -> None:
        print("begun", end="")

    def say_and_fail() -> None:
        print("begun too", end="")
        raise ValueError

    for function in (say, say, say_and_fail):
        pool.submit(function).exception()

    assert capsys.readouterr().out == "begun\nbegun\nbegun too\n"


def test_any_text_arrives(pool: Pool, capsys: Capture) -> None:
    def say() -> None:
        print("gr\u00fc\u00df \u65e5\u672c \U0001f600")
        print("a lone surrogate: \ud800")
        print("50 %", end="\r")
        print("a tab\tand a bell\a")
        sys.stdout.buffer.write("bytes: \u00e9\n".encode())

    pool.submit(say).result()

    said = capsys.readouterr().out
    assert "gr\u00fc\u00df \u65e5\u672c \U0001f600\n" in said
    assert "a lone surrogate: \\ud800\n" in said
    assert "50 %\ra tab\tand a bell\a\n" in said
    assert "bytes: \u00e9\n" in said
    assert pool.options(timeout=0.2).submit(time.sleep, 60).exception() is not None


def test_a_great_deal_of_output_arrives_whole(pool: Pool, capsys: Capture) -> None:
    def say() -> None:
        print("x" * 3_000_000)
        for number in range(50_000):
            print(number)

    pool.submit(say).result()

    lines = capsys.readouterr().out.splitlines()
    assert lines == ["x" * 3_000_000, *(str(number) for number in range(50_000))]


def test_log_records_and_warnings_are_heard(pool: Pool, capsys: Capture) -> None:
    def work() -> None:
        logging.getLogger("some.module").warning("this was logged")
        warnings.warn("this was a warning", stacklevel=1)

    pool.submit(work).result()

    said = capsys.readouterr().err
    assert "this was logged\n" in said
    assert "this was a warning\n" in said


def test_what_was_flushed_before_a_worker_died_is_heard(pool: Pool, capsys: Capture) -> None:
    def die() -> None:
        print("last words", flush=True)
        os._exit(1)

    assert isinstance(pool.submit(die).exception(), CallQuarantined)

    assert capsys.readouterr().out == "last words\n" * 3


def test_the_last_words_of_a_call_need_no_flush(pool: Pool, capsys: Capture) -> None:
    def die() -> None:
        print("first words")
        print("last words")
        os._exit(1)

    assert isinstance(pool.submit(die).exception(), CallQuarantined)

    assert capsys.readouterr().out == "first words\nlast words\n" * 3


def test_unread_output_makes_a_call_wait(tmp_path: Path) -> None:
    """The client's screen is a pipe that nobody reads until the call has printed what it could."""
    program = f"""
import time
from elsewhere import Pool
from tests.system import functions

def say():
    for number in range(200_000):
        print("x" * 1000)
        if number % 1000 == 0:
            functions.append_line({str(tmp_path / "said")!r}, str(number))
    return number

with Pool(1) as pool:
    assert pool.submit(say).result() == 199_999
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment(), stdout=subprocess.PIPE
    ) as client:
        said = str(tmp_path / "said")
        before = 0

        def stands_still() -> bool:
            nonlocal before
            now, was = functions.count_lines(said), before
            before = now
            time.sleep(0.3)
            return 0 < now == was

        wait_until(stands_still, "the call waits")
        assert functions.count_lines(said) < 50
        assert client.stdout is not None
        assert len(client.stdout.read()) == 200_000 * 1001
    assert client.returncode == 0


def test_what_a_fork_of_a_call_prints_harms_no_link() -> None:
    program = """
import os, sys, multiprocessing
from elsewhere import Pool

def say(name):
    for number in range(2000):
        print(f"{name} {number}")

def fork(number):
    print("unfinished", end="")
    child = os.fork()
    if child == 0:
        say("fork")
        sys.stdout.flush()
        os._exit(0)
    say("call")
    print()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def start(number):
    process = multiprocessing.get_context("fork").Process(target=say, args=("process",))
    process.start()
    say("call")
    process.join()
    return process.exitcode

def come_back(number):
    return os.fork() and number

with Pool(2) as pool:
    assert list(pool.map(fork, range(4), chunksize=1)) == [0] * 4
    assert list(pool.map(start, range(4), chunksize=1)) == [0] * 4
    futures = [pool.submit(come_back, number) for number in range(1, 21)]
    assert [future.result() > 0 for future in futures] == [True] * 20
    assert [future.result() for future in futures] == list(range(1, 21))
"""
    ended = run_python("-c", program)

    assert (ended.returncode, ended.stderr) == (0, "")
    lines = collections.Counter(ended.stdout.splitlines())
    assert {lines[f"fork {number}"] for number in range(2000)} == {4}
    assert {lines[f"process {number}"] for number in range(2000)} == {4}
    # The rest of a line that stood before the fork is the worker's, and comes once.
    assert lines["unfinishedcall 0"] == 4
    assert lines["call 0"] == 4
    assert {lines[f"call {number}"] for number in range(1, 2000)} == {8}


def test_the_initializer_is_heard(capsys: Capture) -> None:
    with Pool(2, initializer=print, initargs=("set up",)) as pool:
        list(pool.map(functions.square, range(10)))

    assert capsys.readouterr().out == "set up\n" * 2


def test_standard_streams_of_a_worker_behave_like_files(pool: Pool) -> None:
    def describe() -> list[object]:
        out = sys.stdout
        out.writelines(["a\n", "b\n"])
        out.flush()
        return [out.isatty(), out.encoding, out.writable(), out.write("c\n"), out.fileno()]

    assert pool.submit(describe).result() == [False, "utf-8", True, 2, 1]


def test_a_call_that_reads_standard_input_finds_it_empty(pool: Pool) -> None:
    assert isinstance(pool.submit(input).exception(timeout=20), EOFError)


def test_programs_started_by_calls_write_to_the_same_place() -> None:
    program = """
import subprocess
from elsewhere import Pool

with Pool(2) as pool:
    pool.submit(subprocess.run, ["echo", "from a program"]).result()
    pool.submit(print, "from a call").result()
"""
    ended = run_python("-c", program)

    assert ended.stdout == "from a program\nfrom a call\n"
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_client_whose_screen_is_closed_works_on() -> None:
    program = """
import os, sys
from elsewhere import Pool

with Pool(2) as pool:
    sys.stdout.close()
    for number in range(3):
        pool.submit(print, "into the void").result()
    print(list(pool.map(abs, [-1, -2])), file=sys.stderr)
"""
    ended = run_python("-c", program)

    told, values = ended.stderr.splitlines()
    assert told.startswith("sys.stdout cannot show what workers print: ValueError")
    assert values == "[1, 2]"
