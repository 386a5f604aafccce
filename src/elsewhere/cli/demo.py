"""The command ``elsewhere demo``: its options, and the order of its steps."""

import argparse
import json
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from elsewhere.cli.quantities import byte_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from elsewhere.demo.complexity import Source
    from elsewhere.demo.survey import RecordingPool

WORKERS_MAX = 1024
# On two cores of 2.5 GHz some ten megabytes are parsed a second, so this ends in half a minute there
# and within a minute on cores half as fast.
LIMIT_DEFAULT = "256MiB"
OUTPUT_DEFAULT = "elsewhere-demo.html"

_DESCRIPTION = """\
Parse every module of this Python's standard library and site-packages on all cores and measure how
complex each function is. Prints the most complex functions, totals, what one core would have taken
and where the calls ran, and writes a page with a timeline of the workers."""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "demo",
        help="measure the complexity of every function of this Python, on all cores",
        description=_DESCRIPTION,
    )
    parser.add_argument(
        "--workers",
        type=worker_count,
        metavar="N",
        help="how many workers, 1 to 1024 (default: one for each processor that may be used)",
    )
    parser.add_argument(
        "--limit",
        type=byte_limit,
        default=LIMIT_DEFAULT,
        metavar="SIZE",
        help="read at most so much, the standard library first: bytes, or with a unit as in 64MiB; "
        "none for no limit (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=output_path,
        default=OUTPUT_DEFAULT,
        metavar="FILE",
        help="where to write the page (default: %(default)s)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the results as one JSON object and nothing else; the page is written all the same",
    )
    parser.set_defaults(run=run)


def worker_count(text: str) -> int:
    """A number of workers. Raises `argparse.ArgumentTypeError`."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= WORKERS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {WORKERS_MAX}")
    return int(text)


def byte_limit(text: str) -> int | None:
    """A size in bytes, None for ``none``. Raises `argparse.ArgumentTypeError`."""
    if text.lower() == "none":
        return None
    return byte_size(text, ", or none")


def output_path(text: str) -> Path:
    """A file that can be written, as far as can be seen before. Raises `argparse.ArgumentTypeError`."""
    path = Path(text)
    if not text:
        raise argparse.ArgumentTypeError("a file name is needed")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder, not a file to write")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder of {text!r} does not exist")
    return path


def run(arguments: argparse.Namespace) -> int:
    """Run the command on a pool of this machine's cores."""
    # Imported here and below so that `elsewhere --help` need not wait for them.
    from elsewhere import Pool

    return run_with(arguments, lambda: Pool(arguments.workers, record=True))


def run_with(
    arguments: argparse.Namespace,
    open_pool: "Callable[[], AbstractContextManager[RecordingPool]]",
) -> int:
    """Collect, survey, write the page, print the report."""
    from elsewhere.demo.collect import collect, python_roots
    from elsewhere.demo.page import render
    from elsewhere.demo.report import as_text, as_value, collection_text
    from elsewhere.demo.survey import take_survey

    quiet: bool = arguments.json
    output: Path = arguments.output
    collection = collect(python_roots(), limit_bytes=arguments.limit)
    if not collection.sources:
        roots = ", ".join(collection.roots) or "no folder at all"
        return _fail(f"no Python file within the limit was found; looked in {roots}")
    if not quiet:
        print(collection_text(collection), end="\n\n", flush=True)
    survey = take_survey(
        collection,
        open_pool,
        progress=False if quiet else "measuring files",
        on_sample=_ignore if quiet else _announce,
    )
    problem = _write(output, render(survey))
    page = output if problem is None else None
    if quiet:
        print(json.dumps(as_value(survey, page)))
    else:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print(as_text(survey, page, columns=columns))
    return 0 if problem is None else _fail(problem)


def _write(output: Path, text: str) -> str | None:
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        return f"cannot write {output}: {error.strerror or error}"
    return None


def _announce(drawn: "Sequence[Source]") -> None:
    print(f"timing one core on {len(drawn):,} files drawn at random", file=sys.stderr, flush=True)


def _ignore(drawn: "Sequence[Source]") -> None:
    """Say nothing: the output is for a program."""


def _fail(problem: str) -> int:
    sys.stdout.flush()
    print(f"elsewhere demo: {problem}", file=sys.stderr)
    return 1
