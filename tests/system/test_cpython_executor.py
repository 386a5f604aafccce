"""CPython's own tests of `concurrent.futures` pass against the pool, but for those listed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import elsewhere
from tests.cpython_executor.skips import TABLE
from tests.cpython_executor.suite import INSTALL_COMMAND, MINOR, find_suite
from tests.requirements import need

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_cpythons_own_executor_tests_pass_but_for_the_listed_ones(tmp_path: Path) -> None:
    need(find_suite(), f"CPython {MINOR[0]}.{MINOR[1]}'s own test suite", INSTALL_COMMAND)
    outcomes = tmp_path / "outcomes.json"

    # In a process of its own: the tests count the threads and children of theirs.
    process = subprocess.run(
        [sys.executable, "-m", "tests.cpython_executor", "--json", str(outcomes)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(Path(elsewhere.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )

    said = f"{process.stdout}\n{process.stderr}"
    assert process.returncode == 0, said
    report = json.loads(outcomes.read_text())
    assert report["failed"] == {}, said
    in_force = {str(skip.test): skip.reason for skip in TABLE if skip.is_in_force}
    assert report["skipped"].items() <= in_force.items()
    certain = {str(skip.test) for skip in TABLE if skip.is_certain}
    assert report["skipped"].keys() >= certain
    assert len(report["passed"]) > len(report["skipped"])
    counts = [len(report[kind]) for kind in ("passed", "failed", "skipped")]
    last_line = process.stdout.splitlines()[-1]
    assert last_line == "{} passed, {} failed, {} skipped".format(*counts)
