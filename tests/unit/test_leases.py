"""Leases: who needs a value, and how it is told that nobody does."""

from elsewhere.segments.reading import Leases
from tests.watching import code_run_by


def test_no_code_runs_where_a_lease_is_dropped_and_ctrl_c_would_be_lost() -> None:
    leases = Leases(print)
    held = [leases.take(1)]

    assert code_run_by(held.clear) == []


def test_what_is_gone_is_told_once_and_only_when_somebody_asks() -> None:
    told: list[int] = []
    leases = Leases(told.extend)
    first, second = leases.take(1), leases.take(2)
    assert leases.take(1) is first
    del first
    assert told == []

    leases.tell_gone()
    leases.tell_gone()

    assert told == [1]
    assert leases
    del second
    leases.tell_gone()
    assert told == [1, 2]
    assert not leases


def test_what_was_taken_anew_is_not_told_of() -> None:
    told: list[int] = []
    leases = Leases(told.extend)
    del (first := [leases.take(1)])[:]
    assert first == []
    again = leases.take(1)

    leases.tell_gone()

    assert told == []
    assert leases.take(1) is again
