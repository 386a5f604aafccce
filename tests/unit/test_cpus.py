"""How many processors may be used: by affinity, and by what the control group grants."""

import os
from pathlib import Path

import pytest

from elsewhere.cpus import usable_cpus


@pytest.fixture(autouse=True)
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


class Groups:
    """A made-up tree of control groups, and the file that says in which of them we are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "cgroup"
        self.membership = folder / "membership"

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def count(self) -> int:
        return usable_cpus(self.folder, self.membership)


@pytest.fixture
def groups(tmp_path: Path) -> Groups:
    return Groups(tmp_path)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("250000 100000\n", 3),
        ("50000 100000\n", 1),
        ("1 100000\n", 1),
        ("9900000 100000\n", 8),
        ("nonsense\n", 8),
        ("", 8),
        ("many 100000", 8),
        ("100000 0", 8),
    ],
)
def test_the_quota_of_version_two_counts(groups: Groups, text: str, count: int) -> None:
    groups.write("cpu.max", text)
    assert groups.count() == count


@pytest.mark.parametrize(
    ("quota", "period", "count"),
    [
        ("-1", "100000", 8),
        ("150000", "100000", 2),
        ("0", "100000", 8),
        ("x", "100000", 8),
        ("100000", "0", 8),
        ("100000", "", 8),
    ],
)
def test_the_quota_of_version_one_counts(
    groups: Groups, quota: str, period: str, count: int
) -> None:
    groups.write("cpu/cpu.cfs_quota_us", quota)
    groups.write("cpu/cpu.cfs_period_us", period)
    assert groups.count() == count


@pytest.mark.parametrize(("outer", "inner", "count"), [(3, 2, 2), (2, 3, 2), (3, None, 3)])
def test_the_least_quota_of_our_group_and_those_above_counts(
    groups: Groups, outer: int, inner: int | None, count: int
) -> None:
    groups.membership.write_text("0::/outer/inner\n")
    groups.write("cpu.max", "500000 100000")
    groups.write("outer/cpu.max", f"{outer}00000 100000")
    groups.write("outer/inner/cpu.max", f"{inner}00000 100000" if inner else "max 100000")
    groups.write("other/cpu.max", "100000 100000")
    assert groups.count() == count


def test_our_group_of_version_one_counts(groups: Groups) -> None:
    groups.membership.write_text("5:memory:/a\n4:cpu,cpuacct:/b\n1:name=systemd:/a\n")
    for name, quota in (("a", 1), ("b", 2)):
        groups.write(f"cpu/{name}/cpu.cfs_quota_us", f"{quota}000")
        groups.write(f"cpu/{name}/cpu.cfs_period_us", "1000")
    assert groups.count() == 2


def test_without_control_groups_affinity_alone_counts(groups: Groups) -> None:
    assert groups.count() == 8
    groups.membership.write_text("0::/a/path/that/is/seen/from/elsewhere\n")
    assert groups.count() == 8


@pytest.mark.parametrize(("processors", "count"), [(4, 4), (None, 1)])
def test_without_affinity_all_processors_count(
    groups: Groups, monkeypatch: pytest.MonkeyPatch, processors: int | None, count: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert groups.count() == count


def test_this_machine_has_at_least_one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 1 <= usable_cpus() <= (os.cpu_count() or 1)
