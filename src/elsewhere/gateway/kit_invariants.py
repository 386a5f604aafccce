"""What is true of the resources of workers between any two steps: who has them and who needs them."""

from collections import Counter

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import Kind
from elsewhere.gateway.kit import Kit
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.value_invariants import Examined
from elsewhere.gateway.warmth import LINES_MAX


def examine_kits(gateway: Gateway) -> list[Examined]:
    kits, workers = gateway.ledger.kits, gateway.workers
    kept = [(n, one) for n, worker in workers.items() for one in worker.resources.values()]
    parts = Counter(one.digest for kit in kits.kits.values() for one in kit.resources)
    functions = Counter(
        tuple([one.digest for one in function.kit.resources])
        for function in gateway.functions.values()
        if function.kit is not None
    )
    return [
        (
            "what a worker has and who has it agree",
            [
                *((n, k.resource.label) for n, k in kept if n not in k.resource.workers),
                *(
                    (number, one.label)
                    for one in kits.resources.values()
                    for number in one.workers
                    if number not in workers or one.digest not in workers[number].resources
                ),
            ],
        ),
        (
            "a resource is known as long as a kit or a worker has it",
            [
                *(
                    digest
                    for digest, one in kits.resources.items()
                    if one.kits != parts[digest] or not (one.kits or one.workers)
                ),
                *(d for d in parts if d not in kits.resources),
                *(
                    one.resource.digest
                    for _, one in kept
                    if kits.resources.get(one.resource.digest) is not one.resource
                ),
            ],
        ),
        (
            "a kit is known as long as a function needs it",
            [
                *(d for d, kit in kits.kits.items() if kit.functions != functions[d]),
                *(d for d in functions if d not in kits.kits),
            ],
        ),
    ]


def examine_lines(gateway: Gateway) -> list[Examined]:
    return [
        (
            "who holds calls that need a kit is counted there",
            _miscounted(gateway),
        ),
        (
            "what stands in a line needs its kit, and in no other queue does anything that does",
            [
                *(
                    record.call.id
                    for line in gateway.dispatch.lines.all()
                    for record in [*line.calls, *line.warming]
                    if record.function.kit is not line.kit
                    or (record in line.warming) != (record.call.kind is Kind.WARM)
                ),
                *(
                    record.call.id
                    for record in gateway.queue
                    if record.state is CallState.QUEUED
                    and record.function.kit is not None
                    and (record.call.kind is Kind.WARM or not gateway.dispatch.placer.every_call)
                ),
            ],
        ),
        (
            "of what stands in a line it is counted how much was settled while it waited",
            [
                line.stale
                for line in gateway.dispatch.lines.all()
                if line.stale != sum(r.state is not CallState.QUEUED for r in line.calls)
            ],
        ),
        (
            "no ready worker idles that has what a call in a line needs, nor any while nobody has or makes that, unless a step was asked for at once, memory is full or there are too many lines",
            _idle_beside_lines(gateway),
        ),
        (
            "only workers that are there and have something are waited for to say how it was used",
            [*sorted(gateway.ledger.kits.unanswered - gateway.workers.keys())],
        ),
    ]


def _idle_beside_lines(gateway: Gateway) -> list[object]:
    dispatch = gateway.dispatch
    if dispatch.check_at == gateway.now or dispatch.held_back or len(dispatch.lines) > LINES_MAX:
        return []
    ready = [w for w in gateway.workers.values() if w.state is WorkerState.READY]
    idle: list[object] = []
    for line in dispatch.lines.all():
        if line.first() is not None:
            missed = not any(line.kit.is_near(w.id, w.resources) for w in ready)
            idle += [
                w.id for w in dispatch.idle.values() if missed or not line.kit.missing(w.resources)
            ]
    return idle


def _miscounted(gateway: Gateway) -> list[object]:
    held: Counter[tuple[Kit, int]] = Counter()
    for number, worker in gateway.workers.items():
        for record in worker.held.values():
            if record.function.kit is not None:
                held[record.function.kit, number] += 1
    # A function may be forgotten while a call of it, which is settled, runs on.
    kits = {*gateway.ledger.kits.kits.values(), *(kit for kit, _ in held)}
    counted = {(kit, number): count for kit in kits for number, count in kit.users.items()}
    wrong = (n for kit, n in held.keys() | counted if held[kit, n] != counted.get((kit, n), 0))
    return [*sorted(wrong)]
