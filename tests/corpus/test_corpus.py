"""Every edit that may change an answer changes the key, and no other does."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.corpus.case import DIFFERENT, REFUSED, SAME, Case
from tests.corpus.cases import CASES
from tests.meta.tree import ROOT

CASES_MIN = 110
Answers = dict[str, tuple[str, str]]


def write_project(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def run_all(folder: Path, hash_seed: int) -> subprocess.Popen[str]:
    # Only what a user's interpreter has: the projects of the corpus bring their own libraries.
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.corpus.run", str(folder)],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """The answers of each case before and after, from other folders with other hash seeds."""
    runs = []
    for seed, side in enumerate(("before", "after")):
        folder = tmp_path_factory.mktemp(side) / ("moved" * seed + "projects")
        for place, case in enumerate(CASES):
            write_project(folder / f"{place}", getattr(case, side))
        runs.append(run_all(folder, 100 * seed + 1))
    before, after = (json.loads(run.communicate()[0].splitlines()[-1]) for run in runs)
    return {case.name: (before[str(n)], after[str(n)]) for n, case in enumerate(CASES)}


def test_the_corpus_is_broad_and_its_names_are_unique() -> None:
    counts = Counter(case.name for case in CASES)
    assert [name for name, count in counts.items() if count > 1] == []
    assert len(CASES) >= CASES_MIN
    assert {case.expected for case in CASES} == {SAME, DIFFERENT, REFUSED}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_key_changes_exactly_if_the_answer_may(case: Case, answers: Answers) -> None:
    before, after = answers[case.name]
    if case.expected == REFUSED:
        assert before.startswith("refused: no key for "), before
        assert after.startswith("refused: no key for "), after
    else:
        assert not {"refused", "failed"} & {before.split(":")[0], after.split(":")[0]}, (
            before,
            after,
        )
        assert (SAME if before == after else DIFFERENT) == case.expected
