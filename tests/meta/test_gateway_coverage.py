"""The tests that touch nothing cover every branch of the gateway and of its messages."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PURE_TESTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("test_gateway_*.py", "test_calls_*.py")
    for path in (ROOT / "tests" / "unit").glob(pattern)
)


def run(arguments: list[str], data_file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "coverage", *arguments],
        cwd=ROOT,
        env=os.environ | {"COVERAGE_FILE": str(data_file)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_branch_of_the_gateway_is_covered(tmp_path: Path) -> None:
    data_file = tmp_path / "coverage"

    tested = run(["run", "-m", "pytest", "-q", "-p", "no:cacheprovider", *PURE_TESTS], data_file)
    assert tested.returncode == 0, tested.stdout + tested.stderr

    # pyproject.toml says what is measured, by branches, and that all of it has to be covered.
    report = run(["report"], data_file)
    assert report.returncode == 0, report.stdout + report.stderr
