"""Whether what a call is settled with follows from what became of its attempts."""

from elsewhere.calls.messages import Settlement, Verdict
from elsewhere.testing.books import CallBook, break_promise


def judge_verdict(
    book: CallBook, settlement: Settlement, own_deaths: int, *, unstartable: bool
) -> None:
    """A call is settled so; `own_deaths`: those that count; `unstartable`: a start has failed in this step, and no worker takes calls."""
    verdict = settlement.verdict
    options = book.call.options
    if settlement.worker:
        outcome = book.outcome if verdict in {Verdict.VALUE, Verdict.UNWRITTEN} else None
        came_out = outcome is not None and outcome.verdict is Verdict.VALUE
        attempts = book.failures + book.deaths + came_out
        if settlement.attempt != attempts:
            break_promise(22, settlement, attempts)
    match verdict:
        case Verdict.VALUE | Verdict.ERROR:
            _judge_outcome(book, settlement)
        case Verdict.TIMED_OUT:
            if options.timeout is None or book.failures != options.retries + 1:
                break_promise(6, settlement, book.failures)
        case Verdict.QUARANTINED:
            if own_deaths != options.deaths_max or settlement.deaths != book.deaths:
                break_promise(7, settlement, book.deaths)
        case Verdict.UNSTARTABLE:
            if not unstartable:
                break_promise(16, settlement)
        case Verdict.INTERRUPTED:
            break_promise(1, settlement)


def _judge_outcome(book: CallBook, settlement: Settlement) -> None:
    outcome = book.outcome
    named = b"%d.%d" % (book.call.id, book.fence)
    if (
        outcome is None
        or settlement.verdict is not outcome.verdict
        or settlement.payload != named
        or settlement.worker != book.worker
    ):
        break_promise(5, settlement, named, book.worker)
    if settlement.verdict is Verdict.ERROR and book.failures != book.call.options.retries + 1:
        break_promise(6, settlement, book.failures)
