"""The simulated campaign in short, and the proof that it would find what it is there to find."""

import json
import os
import subprocess
import sys

import pytest

from elsewhere.gateway.attempts import Attempts
from elsewhere.testing.campaign import run_campaign
from elsewhere.testing.faults import KINDS
from elsewhere.testing.run import run_seed
from elsewhere.testing.simulate import main

SEEDS = 100


def test_a_hundred_worlds_break_no_promise() -> None:
    summary = run_campaign(range(SEEDS), jobs=1)

    assert summary.violations == []
    assert summary.seeds == SEEDS
    assert summary.faultless > 0
    assert sum(summary.verdicts.values()) > SEEDS
    assert set(summary.verdicts) == {
        "value", "error", "cancelled", "timed_out", "quarantined", "unstartable", "unwritten",
        "misplaced",
    }  # fmt: skip
    assert set(summary.faults) == set(KINDS)
    assert summary.checks > summary.steps / 8


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_is_always_the_same_history(seed: int) -> None:
    told: list[str] = []
    told_again: list[str] = []

    first = run_seed(seed, tell=told.append)
    again = run_seed(seed, check_every=1, tell=told_again.append)

    assert told == told_again
    assert first.hash == again.hash


def test_different_seeds_are_different_histories() -> None:
    assert len({run_seed(seed).hash for seed in range(10)}) == 10


def test_a_history_does_not_depend_on_how_python_hashes() -> None:
    hashes = {hash_seed: _hash_in_process(2, hash_seed) for hash_seed in ("0", "1", "4711")}

    assert set(hashes.values()) == {run_seed(2).hash}


def _hash_in_process(seed: int, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "elsewhere.testing.simulate", "--seed", str(seed), "--json"],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout)
    return str(report["hash"])


def test_the_command_fails_at_a_violation_and_says_how_to_replay_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Attempts, "requeue", lambda *_, **__: None)

    status = main(["--seeds", "100", "--jobs", "1"])

    assert status == 1
    told = capsys.readouterr()
    assert "violations  1" in told.out
    assert "replay: python -m elsewhere.testing.simulate --seed" in told.err


def test_the_command_counts_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--seeds", "3", "--first", "5", "--jobs", "1", "--json"])

    assert status == 0
    counted = json.loads(capsys.readouterr().out)
    assert counted["seeds"] == 3
    assert counted["violations"] == []


def test_the_command_shares_the_seeds_among_processes(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--seeds", "12", "--jobs", "2"])

    assert status == 0
    assert "violations  0" in capsys.readouterr().out


def test_a_trace_tells_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--seed", "3", "--trace"])

    assert status == 0
    assert "Started(worker=1, " in capsys.readouterr().out
