"""The command line: what it prints where, and its exit codes."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import elsewhere
from elsewhere.cli import demo, main
from elsewhere.errors import InitializerFailed
from tests.unit.demo_inline import InlinePool

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with everything as it is, except that its calls run in this process."""
    monkeypatch.setattr(demo, "run", lambda arguments: demo.run_with(arguments, InlinePool))


def raising(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        raise error

    return run


def test_alone_it_prints_help(capsys: Captured) -> None:
    assert main([]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("usage: elsewhere")
    assert "demo" in printed.out
    assert printed.err == ""


def test_the_version(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"elsewhere {elsewhere.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["demo", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["demo", "--workers", "0"], "--workers: '0' is no whole number from 1 to 1024"),
        (["demo", "--workers", "1025"], "--workers: '1025' is no whole number"),
        (["demo", "--workers", "two"], "--workers: 'two' is no whole number"),
        (["demo", "--workers", "1.5"], "--workers: '1.5' is no whole number"),
        (["demo", "--limit", "0"], "--limit: '0' is no size"),
        (["demo", "--limit", "-5"], "argument --limit"),
        (["demo", "--limit", "5 parsecs"], "--limit: '5 parsecs' is no size"),
        (["demo", "--limit", ""], "--limit: '' is no size"),
        (["demo", "--limit", "nan"], "--limit: 'nan' is no size"),
        (["demo", "--output", "."], "--output: '.' is a folder"),
        (["demo", "--output", ""], "--output: a file name is needed"),
        (["demo", "--output", "no/such/page.html"], "--output: the folder of 'no/such/page.html'"),
    ],
)
def test_wrong_usage_is_explained(capsys: Captured, arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("5000", 5000),
        ("1k", 1000),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("1.5 MiB", 1_572_864),
        ("2G", 2 * 10**9),
        ("None", None),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    assert demo.byte_limit(text) == size


def test_an_interruption_is_one_plain_line(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "run", raising(KeyboardInterrupt()))
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "elsewhere: interrupted\n"


def test_an_error_of_ours_is_one_plain_line(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "run", raising(InitializerFailed("it did")))
    assert main(["demo"]) == 1
    assert capsys.readouterr().err == "elsewhere: it did\n"


@pytest.mark.usefixtures("inline")
def test_the_demo_prints_its_report_and_writes_its_page(capsys: Captured, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["demo", "--limit", "100k", "--output", str(page)]) == 0
    printed = capsys.readouterr()
    assert "The limit of 100,000 bytes was reached" in printed.out
    assert "The most complex functions" in printed.out
    assert printed.out.endswith(f"The timeline of every worker: {page}\n")
    assert "timing one core" in printed.err
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.usefixtures("inline")
def test_json_is_all_that_is_printed(capsys: Captured, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["demo", "--json", "--limit", "100k", "--output", str(page)]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["page"] == str(page)
    assert printed.out.count("\n") == 1
    assert printed.err == ""
    assert page.exists()


@pytest.mark.usefixtures("inline")
def test_a_page_that_cannot_be_written_costs_only_the_page(
    capsys: Captured, tmp_path: Path
) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert main(["demo", "--limit", "100k", "--output", str(loop)]) == 1
    printed = capsys.readouterr()
    assert "The most complex functions" in printed.out
    assert "timeline of every worker" not in printed.out
    assert f"elsewhere demo: cannot write {loop}: " in printed.err


@pytest.mark.usefixtures("inline")
def test_finding_nothing_is_a_failure(capsys: Captured) -> None:
    assert main(["demo", "--limit", "1"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "no Python file within the limit was found" in printed.err


def test_a_reader_who_leaves_gets_no_traceback() -> None:
    code = (
        "from elsewhere.cli import demo, main; demo.run = lambda arguments: print('a report') or 0; "
        "raise SystemExit(main(['demo']))"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert command.stdout is not None
    assert command.stderr is not None
    # Closed before the interpreter can have started, so every write meets a closed pipe.
    command.stdout.close()
    with command.stderr:
        assert command.stderr.read() == b""
    assert command.wait() == 1


def test_help_loads_neither_the_demo_nor_a_pool() -> None:
    code = (
        "import sys; from elsewhere.cli import main; main([]); "
        "sys.exit(sorted({'elsewhere.demo', 'elsewhere.pool', 'msgspec', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("[]\n", 1)
