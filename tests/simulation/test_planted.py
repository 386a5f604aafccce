"""The proof that the simulation would find what it is there to find."""

import subprocess
import sys

import pytest

from elsewhere.gateway.machine import Gateway
from elsewhere.testing.planted import PLANTED, Patch
from elsewhere.testing.planted.__main__ import main
from elsewhere.testing.planted.finding import find
from elsewhere.testing.run import run_seed

RARE = {
    "a line is thought to take ten times as long as it does",
    "a worker that leaves takes nothing from lines",
    "the circle check looks one level up only",
    "the store acknowledges before it has synced",
    "who took a call back waits for who joins it",
}
"""Hundreds of seeds do not find them."""
PART = [bug for bug in PLANTED if bug not in RARE][::4]
"""All of them take some minutes: ``python -m elsewhere.testing.planted``."""


def test_there_are_many_bugs() -> None:
    assert len(PLANTED) >= 40
    assert PLANTED.keys() >= RARE


@pytest.mark.parametrize("bug", PART)
def test_a_planted_bug_is_found(bug: str) -> None:
    assert find(bug) is not None


def test_a_bug_is_taken_out_again() -> None:
    before = vars(Gateway).copy()

    with Patch() as patch:
        for plant in PLANTED.values():
            plant(patch)
        assert vars(Gateway) != before

    assert vars(Gateway) == before
    assert run_seed(0).violation == ""


def test_the_command_says_which_seed_finds_a_bug() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "elsewhere.testing.planted", "--only", "a row is given twice"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "a row is given twice: " in done.stdout
    assert done.stdout.endswith("found 1 of 1\n")


def test_the_command_fails_if_a_bug_is_not_found(capsys: pytest.CaptureFixture[str]) -> None:
    rare = "the store acknowledges before it has synced"

    assert main(["--only", rare, "--seeds", "1"]) == 1
    assert f"not found  {rare}" in capsys.readouterr().out


def test_the_command_refuses_a_name_that_no_bug_has() -> None:
    with pytest.raises(SystemExit):
        main(["--only", "no such bug"])
