"""The survey adds up, and what it estimates for one core follows from the sample."""

import gc
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from elsewhere.calls.messages import Verdict
from elsewhere.calls.span import Span
from elsewhere.demo.collect import Collection, collect
from elsewhere.demo.complexity import FailureKind, Source
from elsewhere.demo.survey import (
    Sample,
    Survey,
    draw_sample,
    extrapolate,
    measure_sample,
    take_survey,
    worker_shares,
)
from tests.unit.demo_inline import InlinePool

BRANCHY = "def {name}(x):\n" + "    if x: pass\n" * 11


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text("class A:\n    def f(self): return 1\n", "utf-8")
    (tmp_path / "b.py").write_text(BRANCHY.format(name="g"), "utf-8")
    (tmp_path / "c.py").write_text("def h(x): return x or 1\n\n", "utf-8")
    (tmp_path / "z.py").write_text("print 'two'\n", "utf-8")
    (tmp_path / "y.py").write_bytes(b"x\0")
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    return tmp_path


def survey_of(folder: Path, pool: InlinePool) -> Survey:
    return take_survey(collect([folder]), lambda: pool, progress="files")


def sources(sizes: Sequence[int]) -> tuple[Source, ...]:
    return tuple(
        Source(module=f"m{number}", path=f"/m{number:04}.py", bytes=size)
        for number, size in enumerate(sizes)
    )


def collection_of(found: tuple[Source, ...]) -> Collection:
    return Collection(
        roots=("/",),
        sources=found,
        unreadable=(),
        duplicates=0,
        limit_bytes=None,
        left_out_files=0,
        left_out_bytes=0,
    )


def test_totals_cover_every_file(folder: Path) -> None:
    totals = survey_of(folder, InlinePool()).totals
    assert (totals.files, totals.parsed) == (6, 3)
    assert totals.lines == 2 + 12 + 2
    assert (totals.functions, totals.classes, totals.over_limit) == (3, 1, 1)
    # class, def, return; def and eleven times if and pass; def, return
    assert totals.statements == 3 + 1 + 22 + 2
    assert totals.bytes == sum(path.stat().st_size for path in folder.glob("[a-c,y,z].py"))


def test_failures_are_grouped_by_kind(folder: Path) -> None:
    kinds = survey_of(folder, InlinePool()).failures_by_kind
    assert {kind: [failure.module for failure in of] for kind, of in kinds.items()} == {
        FailureKind.SYNTAX: ["z"],
        FailureKind.NULL: ["y"],
        FailureKind.UNREADABLE: ["gone"],
    }


def test_the_most_complex_come_first_and_ties_are_settled(tmp_path: Path) -> None:
    for name in "nmlkjihgfedcba":
        (tmp_path / f"{name}.py").write_text("def f(x):\n    return x or 1\n", "utf-8")
    (tmp_path / "long.py").write_text("def f(x):\n\n    return x or 1\n", "utf-8")
    (tmp_path / "top.py").write_text(BRANCHY.format(name="f"), "utf-8")
    top = survey_of(tmp_path, InlinePool()).top
    assert [module.module for module, _ in top] == ["top", "long", *"abcdefgh"]
    assert [function.complexity for _, function in top] == [12] + [2] * 9


def test_the_pool_is_asked_for_a_bar_and_closed(folder: Path) -> None:
    pool = InlinePool()
    survey = survey_of(folder, pool)
    assert pool.progress == "files"
    assert pool.closed
    assert survey.workers == 2
    assert survey.elapsed_seconds > 0


def test_shares_add_up_and_are_ordered_by_worker() -> None:
    spans = [
        Span("f", worker, 0.0, elapsed, items, Verdict.VALUE)
        for worker, elapsed, items in [(7, 1.0, 3), (2, 0.5, 1), (7, 0.5, 2)]
    ]
    first, second = worker_shares(spans)
    assert (first.worker, first.calls, first.files, first.busy_seconds) == (2, 1, 1, 0.5)
    assert (second.worker, second.calls, second.files, second.busy_seconds) == (7, 2, 5, 1.5)
    assert (first.share, second.share) == (0.25, 0.75)
    assert worker_shares([]) == ()


def test_one_core_is_extrapolated_by_bytes() -> None:
    found = sources([100, 300, 600, 1000])
    sample = Sample(sources=found[:2], seconds_each=(0.1, 0.5), seed=1)
    estimate = extrapolate(sample, collection_of(found))
    assert estimate.seconds == pytest.approx(0.6 / 400 * 2000)
    # The rate is 1.5 ms a byte, so the residuals are -0.05 and 0.05; half of four files was drawn.
    assert estimate.error_seconds == pytest.approx(4 * math.sqrt(0.5 * 0.005 / 2))


def test_a_sample_of_everything_has_no_error() -> None:
    found = sources([100, 300])
    sample = Sample(sources=found, seconds_each=(0.1, 0.7), seed=1)
    estimate = extrapolate(sample, collection_of(found))
    assert estimate.seconds == pytest.approx(0.8)
    assert estimate.error_seconds == 0


def test_nothing_is_extrapolated_from_empty_files() -> None:
    found = sources([0, 0])
    sample = Sample(sources=found, seconds_each=(0.1, 0.1), seed=1)
    assert extrapolate(sample, collection_of(found)).seconds == 0


def test_the_same_files_and_seed_draw_the_same_sample() -> None:
    found = sources([100_000] * 200)
    drawn = draw_sample(found)
    assert drawn == draw_sample(found[::-1])
    assert drawn != draw_sample(found, seed=1)
    # An eighth of 20 MB, to the next file.
    assert len(drawn) == 25
    assert len(set(drawn)) == 25


def test_the_sample_is_bounded_both_ways() -> None:
    few = sources([1000] * 50)
    assert set(draw_sample(few)) == set(few)
    many = sources([2**20] * 200)
    assert len(draw_sample(many)) == 12


def test_the_sample_is_timed_file_by_file_and_leaves_the_collector_as_it_was(
    folder: Path,
) -> None:
    found = collect([folder]).sources
    sample = measure_sample(found)
    assert sample.sources == found
    assert len(sample.seconds_each) == len(found)
    assert min(sample.seconds_each) > 0
    assert sample.seconds == sum(sample.seconds_each)
    assert gc.get_freeze_count() == 0


def test_the_sample_begins_when_the_pool_is_closed(folder: Path) -> None:
    pool = InlinePool()
    heard: list[tuple[bool, int]] = []
    take_survey(
        collect([folder]),
        lambda: pool,
        on_sample=lambda drawn: heard.append((pool.closed, len(drawn))),
    )
    assert heard == [(True, 5)]
