"""What becomes of a call when an attempt at it has come out, or its worker is gone."""

from elsewhere.calls.messages import Outcome, Verdict
from elsewhere.calls.workers import Exit
from elsewhere.errors import GatewayBug
from elsewhere.gateway.blame import Blame
from elsewhere.gateway.records import CallRecord, Stopping


def after_outcome(record: CallRecord, outcome: Outcome) -> Verdict | None:
    """The verdict with which the call is settled; None if it is to be tried again."""
    verdict = outcome.verdict
    if verdict is Verdict.INTERRUPTED:
        if record.stopping is Stopping.NOT:
            raise GatewayBug(f"call {record.call.id} was interrupted and nobody asked for it")
        verdict = Verdict.TIMED_OUT
    if verdict is Verdict.VALUE or not _take_retry(record):
        return verdict
    return Verdict.CANCELLED if record.cancelling else None


def after_loss(
    record: CallRecord, how: Exit, blame: Blame, now: float, *, blamed: bool
) -> Verdict | None:
    """The same when its worker died, or its fork; `blamed`: it is held to be the cause."""
    if record.cancelling:
        return Verdict.CANCELLED
    if record.stopping is Stopping.TIMEOUT:
        return None if _take_retry(record) else Verdict.TIMED_OUT
    if blamed:
        blame.count(record, how, now)
    deaths_max = record.call.options.deaths_max
    return Verdict.QUARANTINED if blame.own_deaths(record) >= deaths_max else None


def is_remembered(record: CallRecord, verdict: Verdict) -> bool:
    """Whether an outcome is for the store."""
    if not record.call.key:
        return False
    if verdict is Verdict.ERROR:
        return record.call.options.remember_errors
    return verdict is Verdict.VALUE


def _take_retry(record: CallRecord) -> bool:
    if record.failures >= record.call.options.retries:
        return False
    record.failures += 1
    return True
