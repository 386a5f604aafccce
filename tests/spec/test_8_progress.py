"""Progress: how far a map has come, on standard error."""

import pytest

from elsewhere import Pool
from tests.spec.functions import square


def test_a_map_shows_its_progress_if_asked_to(
    pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(pool.map(square, range(100), progress=True))[-1] == 99 * 99
    assert "100/100" in capsys.readouterr().err


def test_progress_may_have_a_description(pool: Pool, capsys: pytest.CaptureFixture[str]) -> None:
    list(pool.map(square, range(100), progress="squares"))
    assert capsys.readouterr().err.splitlines()[-1].startswith("squares: 100/100")


def test_nothing_is_shown_otherwise(pool: Pool, capsys: pytest.CaptureFixture[str]) -> None:
    list(pool.map(square, range(100)))
    assert capsys.readouterr() == ("", "")


def test_a_recorded_pool_tells_afterwards_what_ran_where_and_when() -> None:
    with Pool(2, record=True) as pool:
        list(pool.map(square, range(100), chunksize=25))
        spans = pool.timeline()

    assert [span.items for span in spans] == [25] * 4
    assert {span.function for span in spans} == {"square"}
    assert {span.worker for span in spans} <= {1, 2}
    assert all(span.ok and span.elapsed >= 0 for span in spans)
