"""How much memory may be used: that of the machine, and what the control group grants."""

import os
from pathlib import Path

import pytest

from elsewhere.physical_memory import usable_memory
from elsewhere.segments.room import room_for_values

GIBIBYTE = 2**30


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of 8 GiB."""
    known = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 8 * GIBIBYTE // 4096}
    monkeypatch.setattr(os, "sysconf", known.__getitem__)


def usable(folder: Path, files: dict[str, str], membership: str = "") -> int:
    for name, text in files.items():
        path = folder / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "membership").write_text(membership)
    return usable_memory(folder / "cgroup", folder / "membership")


@pytest.mark.parametrize(
    ("text", "nbytes"),
    [
        ("max\n", 8 * GIBIBYTE),
        (f"{GIBIBYTE}\n", GIBIBYTE),
        (f"{99 * GIBIBYTE}\n", 8 * GIBIBYTE),
        ("0\n", 8 * GIBIBYTE),
        ("nonsense\n", 8 * GIBIBYTE),
    ],
)
def test_the_limit_of_version_two_counts(tmp_path: Path, text: str, nbytes: int) -> None:
    assert usable(tmp_path, {"memory.max": text}) == nbytes


@pytest.mark.parametrize(
    ("text", "nbytes"), [("1073741824\n", GIBIBYTE), ("9223372036854771712\n", 8 * GIBIBYTE)]
)
def test_the_limit_of_version_one_counts(tmp_path: Path, text: str, nbytes: int) -> None:
    assert usable(tmp_path, {"memory/memory.limit_in_bytes": text}) == nbytes


def test_the_least_limit_counts_of_this_group_and_those_above_it(tmp_path: Path) -> None:
    files = {"a/memory.max": f"{GIBIBYTE}", "a/b/memory.max": f"{2 * GIBIBYTE}"}

    assert usable(tmp_path, files, "0::/a/b\n") == GIBIBYTE


def test_without_control_groups_the_machine_counts(tmp_path: Path) -> None:
    assert usable_memory(tmp_path / "none", tmp_path / "nowhere") == 8 * GIBIBYTE


def test_values_may_take_half_of_it(tmp_path: Path) -> None:
    assert room_for_values(str(tmp_path), 1000) == 500
