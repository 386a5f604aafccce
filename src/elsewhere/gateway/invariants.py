"""What is true of a gateway between any two steps. Tests and simulation check it after each."""

from collections import Counter

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import Settlement, Verdict
from elsewhere.errors import GatewayBug
from elsewhere.gateway.inputs import Inputs
from elsewhere.gateway.kit_invariants import examine_kits, examine_lines
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CLIENT, REMAKER, CallRecord
from elsewhere.gateway.room import has_room, may_take
from elsewhere.gateway.source_invariants import examine_sources
from elsewhere.gateway.value_invariants import (
    Examined,
    examine_lineage,
    examine_remaking,
    examine_values,
    known,
    recipes_of,
)


def check_invariants(gateway: Gateway) -> None:
    """Raises `GatewayBug` with the number and the sentence of the first broken invariant."""
    for number, (sentence, broken) in enumerate(_examine(gateway), 1):
        if broken:
            raise GatewayBug(f"invariant {number}: {sentence}; broken by {broken}")


def _examine(gateway: Gateway) -> list[Examined]:
    return [
        *_examine_calls(gateway),
        *_examine_functions(gateway),
        *_examine_workers(gateway),
        *_examine_asks(gateway),
        *_examine_inputs(gateway),
        *_examine_ancestry(gateway),
        *examine_values(gateway),
        *examine_lineage(gateway),
        *examine_remaking(gateway),
        *examine_sources(gateway.sources),
        *examine_kits(gateway),
        *examine_lines(gateway),
    ]


def _examine_calls(gateway: Gateway) -> list[Examined]:
    calls, workers = gateway.calls, gateway.workers
    waiting = _waiting(gateway)
    places = Counter(record.call.id for record in waiting)
    held = [(w, r) for w in workers.values() for r in [*w.held.values(), *w.parked.values()]]
    return [
        (
            "a call that the gateway knows is waiting, queued, assigned or being written",
            [n for n, r in calls.items() if r.state is CallState.SETTLED or r.call.id != n],
        ),
        (
            "a queued call stands in the queue exactly once, with no worker",
            [
                n
                for n, r in calls.items()
                if r.state is CallState.QUEUED and (places[n] != 1 or r.worker != 0)
            ],
        ),
        (
            "what waits in the queue is a call that the gateway knows",
            [r.call.id for r in waiting if calls.get(r.call.id) is not r],
        ),
        (
            "an assigned call is held or parked by its worker",
            [
                n
                for n, r in calls.items()
                if r.state is CallState.ASSIGNED
                and (r.worker not in workers or workers[r.worker].attempt(n, r.fence) is not r)
            ],
        ),
        (
            "what a worker holds or has parked is assigned to it, or was settled while it ran",
            [
                (w.id, r.call.id)
                for w, r in held
                if r.state not in {CallState.ASSIGNED, CallState.SETTLED} or r.worker != w.id
            ],
        ),
        (
            "a worker holds nothing that it has parked",
            [(w.id, n) for w in workers.values() for n in w.parked if n in w.held],
        ),
        (
            "a call that has not begun is wanted by somebody",
            [
                n
                for n, r in calls.items()
                if r.state in {CallState.WAITING, CallState.QUEUED} and not r.wanted
            ],
        ),
        (
            "what is being written has a key and an outcome of its own",
            [
                n
                for n, r in calls.items()
                if r.state is CallState.WRITING and (not r.call.key or r.outcome.call != n)
            ],
        ),
    ]


def _examine_functions(gateway: Gateway) -> list[Examined]:
    functions, workers = gateway.functions, gateway.workers
    live: dict[int, int] = dict.fromkeys(functions, 0)
    for record in gateway.calls.values():
        number = record.function.number
        live[number] = live.get(number, 0) + 1
    for recipe in recipes_of(gateway):
        live[recipe.function.number] = live.get(recipe.function.number, 0) + 1
    return [
        (
            "the function of every live call is known, and its count is right",
            [n for n, count in live.items() if n not in functions or functions[n].live != count],
        ),
        (
            "a released function without live calls is forgotten",
            [n for n, f in functions.items() if not f.names and not f.live],
        ),
        (
            "who was sent a function and who it was sent to agree",
            [
                n
                for n, f in functions.items()
                if f.workers != {w.id for w in workers.values() if n in w.functions}
            ],
        ),
    ]


def _examine_workers(gateway: Gateway) -> list[Examined]:
    workers, dispatch = gateway.workers, gateway.dispatch
    queued = [r for r in gateway.queue if r.state is CallState.QUEUED]
    return [
        (
            "no ready worker idles while calls wait in the queue and are not set aside, unless a step was asked for at once or memory is full",
            list(dispatch.idle)
            if len(queued) > len(dispatch.aside)
            and dispatch.check_at != gateway.now
            and not dispatch.held_back
            else [],
        ),
        (
            "workers are sorted by what they hold",
            [
                w.id
                for w in workers.values()
                if (w.id in dispatch.idle) != (may_take(w) and not w.held)
                or (w.id in dispatch.roomy)
                != (w.state is WorkerState.READY and bool(w.held) and has_room(w))
                or (w.id in dispatch.laden) != (len(w.held) > 1)
                or (w.id in dispatch.parents) != (w.children > 0)
            ],
        ),
        (
            "nothing is known of a worker that is gone",
            [
                n
                for group in (dispatch.idle, dispatch.roomy, dispatch.laden, dispatch.parents)
                for n in group
                if n not in workers
            ],
        ),
        (
            "a worker's running call is the first that it holds",
            [w.id for w in workers.values() if w.running is not w.head()],
        ),
        (
            "the bytes that a worker holds are counted",
            [
                w.id
                for w in workers.values()
                if w.held_bytes != sum(r.sent_bytes for r in w.held.values())
                or any(r.sent_bytes < len(r.call.payload) for r in w.held.values())
            ],
        ),
        (
            "the calls that expect an heir are counted by worker",
            [
                w.id
                for w in workers.values()
                if w.expecting != sum(r.expects_heir for r in w.held.values())
            ],
        ),
    ]


def _examine_asks(gateway: Gateway) -> list[Examined]:
    calls, asks = gateway.calls, gateway.ledger.asks
    joined = [(n, r) for r in calls.values() for n in r.joined or ()]
    by_worker: dict[int, set[int]] = {number: set() for number in gateway.workers}
    for record in calls.values():
        askers = {record.call.id: record.asker, **(record.joined or {})}
        for number, asker in askers.items():
            if asker is not None and asker not in {CLIENT, REMAKER}:
                by_worker.setdefault(asker, set()).add(number)
    return [
        (
            "a key is claimed by the one call that has it",
            [n for n, r in calls.items() if r.call.key and asks.claims.get(r.call.key) is not r]
            or [k for k, r in asks.claims.items() if calls.get(r.call.id) is not r],
        ),
        (
            "who has joined a call and what each has joined agree",
            [
                *(n for n, r in joined if asks.joined.get(n) is not r or n in calls),
                *sorted(asks.joined.keys() - {n for n, _ in joined}),
            ],
        ),
        (
            "the calls that a worker waits for are those that it asked for, and it is there",
            [
                number
                for number, asked in by_worker.items()
                if number not in gateway.workers or gateway.workers[number].asks != asked
            ],
        ),
    ]


def _examine_inputs(gateway: Gateway) -> list[Examined]:
    asks, inputs = gateway.ledger.asks, gateway.ledger.inputs
    given = [(n, r) for n, r in gateway.calls.items() if r.call.inputs]
    waiting = [(n, r) for n, r in gateway.calls.items() if r.state is CallState.WAITING]
    fallen = {record.call.id for record, _ in inputs.fallen}
    # What was given up is about to fall, and still counts as needed.
    lost = Counter(
        record.call.id
        for value in gateway.ledger.values.kept.values()
        for record in value.waiting
        if record.state is CallState.WAITING
    ) + Counter(
        record.call.id
        for record, cause in inputs.fallen
        if record.state is CallState.WAITING
        and all(kept is not cause for kept in record.values.values())
    )
    return [
        (
            "what a call needs are those of its inputs that have no value or were found to be lost",
            [
                n
                for n, r in given
                if r.needs != sum(not _has_value(v) for _, v in known(r)) + lost[n]
            ],
        ),
        (
            "a call waits exactly as long as it needs an input, with no worker, unless it was sent ahead",
            [
                *(n for n, r in waiting if not r.needs or r.worker != 0),
                *(n for n, r in given if r.needs and r.state is CallState.QUEUED),
                *(record.call.id for record in inputs.ready),
            ],
        ),
        (
            "a waiting call is found by each of its inputs that is under way",
            [
                (n, number)
                for n, r in waiting
                for number, kept in known(r)
                if kept is None
                and asks.is_awaited(number)
                and r not in inputs.waiting.get(number, ())
                and not _is_untold(inputs, number, r)
            ],
        ),
        (
            "no call waits for an input of which nobody will hear",
            [number for number in inputs.waiting if not asks.is_awaited(number)],
        ),
        (
            "a waiting call of which an input has failed is about to be settled",
            [
                n
                for n, r in waiting
                if n not in fallen
                and any(kept is not None and not _has_value(kept) for kept in r.values.values())
            ],
        ),
    ]


def _has_value(kept: Settlement | None) -> bool:
    return kept is not None and kept.verdict is Verdict.VALUE


def _examine_ancestry(gateway: Gateway) -> list[Examined]:
    calls = gateway.calls
    edges = [(calls[p], r) for r in calls.values() for p in r.parents if p in calls]
    return [
        (
            "the rank of a call is more than that of every call inside which it was asked for",
            [(p.call.id, r.call.id) for p, r in edges if p.rank >= r.rank],
        ),
        (
            "what was asked for inside a call and inside which it was asked for agree",
            [(p.call.id, r.call.id) for p, r in edges if r.call.id not in p.asked]
            or [
                (n, child)
                for n, r in calls.items()
                for child in r.asked
                if child in calls and n not in calls[child].parents
            ],
        ),
    ]


def _waiting(gateway: Gateway) -> list[CallRecord]:
    return [r for r in gateway.dispatch.waiting if r.state is CallState.QUEUED]


def _is_untold(inputs: Inputs, number: int, record: CallRecord) -> bool:
    """Whether the call is still to be told of this input, for which a repeated Submit may have asked anew."""
    return any(number == one and record in waiting for one, _, waiting in inputs.untold)
