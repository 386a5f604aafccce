"""What is true of a gateway between any two steps. Tests and simulation check it after each."""

from collections import Counter

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.errors import GatewayBug
from elsewhere.gateway.dispatch import has_room
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CallRecord

Examined = tuple[str, list[object]]
"""an invariant in a sentence, and what breaks it"""


def check_invariants(gateway: Gateway) -> None:
    """Raises `GatewayBug` with the number and the sentence of the first broken invariant."""
    for number, (sentence, broken) in enumerate(_examine(gateway), 1):
        if broken:
            raise GatewayBug(f"invariant {number}: {sentence}; broken by {broken}")


def _examine(gateway: Gateway) -> list[Examined]:
    return [*_examine_calls(gateway), *_examine_functions(gateway), *_examine_workers(gateway)]


def _examine_calls(gateway: Gateway) -> list[Examined]:
    calls, workers = gateway.calls, gateway.workers
    waiting = _waiting(gateway)
    places = Counter(record.call.id for record in waiting)
    held = [(w, r) for w in workers.values() for r in w.held.values()]
    return [
        (
            "a call that the gateway knows is queued or assigned",
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
            "an assigned call is held by its worker",
            [
                n
                for n, r in calls.items()
                if r.state is CallState.ASSIGNED
                and (r.worker not in workers or workers[r.worker].held.get(n) is not r)
            ],
        ),
        (
            "what a worker holds is assigned to it, or was settled while it ran",
            [(w.id, r.call.id) for w, r in held if r.state is CallState.QUEUED or r.worker != w.id],
        ),
    ]


def _examine_functions(gateway: Gateway) -> list[Examined]:
    functions, workers = gateway.functions, gateway.workers
    live: dict[int, int] = dict.fromkeys(functions, 0)
    for record in gateway.calls.values():
        number = record.function.number
        live[number] = live.get(number, 0) + 1
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
    waiting = _waiting(gateway)
    return [
        (
            "no ready worker idles while calls wait, unless another step was asked for at once",
            list(dispatch.idle) if waiting and dispatch.check_at != gateway.now else [],
        ),
        (
            "workers are sorted by what they hold",
            [
                w.id
                for w in workers.values()
                if (w.id in dispatch.idle) != (w.state is WorkerState.READY and not w.held)
                or (w.id in dispatch.roomy)
                != (w.state is WorkerState.READY and bool(w.held) and has_room(w))
                or (w.id in dispatch.laden) != (len(w.held) > 1)
            ],
        ),
        (
            "nothing is known of a worker that is gone",
            [
                n
                for group in (dispatch.idle, dispatch.roomy, dispatch.laden)
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
                if w.held_bytes != sum(len(r.call.payload) for r in w.held.values())
            ],
        ),
    ]


def _waiting(gateway: Gateway) -> list[CallRecord]:
    return [r for r in gateway.queue if r.state is CallState.QUEUED]
