"""The command: ``python -m tests.cpython_executor``."""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.cpython_executor.run import Watchdog, run_tests
from tests.cpython_executor.skips import listed
from tests.cpython_executor.suite import INSTALL_COMMAND, MINOR, find_suite, holds_suite, open_suite


def main() -> int:
    """Run the tests and print what became of them; the exit status is 1 if one failed."""
    options = parse_arguments()
    folder = options.suite or find_suite()
    if folder is None or not holds_suite(folder):
        where = options.suite or f"Python {MINOR[0]}.{MINOR[1]}"
        print(
            f"no tests of concurrent.futures in {where}. "
            f"To install Debian's: {INSTALL_COMMAND}; or name CPython's Lib/test with --suite",
            file=sys.stderr,
        )
        return 2
    with ExitStack() as stack:
        suite = stack.enter_context(open_suite(folder))
        # Imports the package, and CPython's helpers from the tree that is open now.
        from tests.cpython_executor.adapter import adapt, start_manager

        reasons = listed(suite.tests)
        chosen = [test for test in suite.tests if options.only in str(test)]
        skipped = {str(test): reasons[test] for test in chosen if test in reasons}
        run = [test for test in chosen if test not in reasons]
        # Before any pool: its process is none of theirs.
        manager = stack.enter_context(start_manager())
        failures = run_tests(run, adapt(suite, manager), say, Watchdog(stack.close))
    for failure in failures:
        print(f"\n---- {failure.test}\n{failure.text}", end="")
    print("\nskipped:")
    for name, reason in skipped.items():
        print(f"  {name}: {reason}")
    print(f"\nCPython's tests from {folder.resolve()}, Python {sys.version.split()[0]}")
    if options.json is not None:
        report = {
            "passed": [str(t) for t in run if t not in {failure.test for failure in failures}],
            "failed": {str(failure.test): failure.text for failure in failures},
            "skipped": skipped,
        }
        options.json.write_text(json.dumps(report, indent=2))
    print(f"{len(run) - len(failures)} passed, {len(failures)} failed, {len(skipped)} skipped")
    return 1 if failures else 0


def say(line: str) -> None:
    print(line, flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cpython_executor",
        description="Run CPython's own tests of concurrent.futures against elsewhere.Pool.",
    )
    parser.add_argument(
        "-k", dest="only", metavar="TEXT", default="", help="only tests with TEXT in their names"
    )
    parser.add_argument(
        "--suite",
        type=Path,
        metavar="FOLDER",
        help="CPython's package `test` (its Lib/test); default: this Python's or Debian's",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the outcomes to FILE")
    return parser.parse_args()


# The guard is needed: the manager's process imports this module again.
if __name__ == "__main__":
    sys.exit(main())
