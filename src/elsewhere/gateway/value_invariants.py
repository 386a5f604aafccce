"""What is true of values between any two steps: who needs them, and how they can be made again."""

from collections import Counter

from elsewhere.calls.lifecycle import CallState
from elsewhere.calls.messages import Settlement
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.recipes import Recipe
from elsewhere.gateway.records import CLIENT, REMAKER, STORE, CallRecord

Examined = tuple[str, list[object]]
"""an invariant in a sentence, and what breaks it"""


def examine_values(gateway: Gateway) -> list[Examined]:
    kept, workers = gateway.ledger.values.kept, gateway.workers
    given = _given(gateway)
    users = Counter(
        value.call
        for record in given
        for value in record.values.values()
        if value is not None and value.place is not None
    )
    users.update(number for value in kept.values() for number in value.refers)
    users.update(gateway.ledger.values.unreferred)
    writing = {r.call.id for r in gateway.calls.values() if r.state is CallState.WRITING}
    ahead = [r for r in given if r.state is CallState.ASSIGNED and r.needs and not r.astray]
    return [
        (
            "a value is used by the calls that are given it and not released, and by what refers to it",
            [
                *sorted(users.keys() - kept.keys()),
                *(number for number, value in kept.items() if value.users != users[number]),
            ],
        ),
        (
            "a value is kept as long as somebody who is there needs it or moves it",
            [
                number
                for number, value in kept.items()
                if not (value.is_needed or value.moving or value.lineage)
                or not value.holders | value.askers <= {CLIENT, STORE, *workers.keys()}
            ],
        ),
        (
            "the store needs the values that it is given until it has them",
            [
                number
                for number, value in kept.items()
                if (STORE in value.holders) is not (number in writing)
            ],
        ),
        (
            "calls are sent ahead to workers that are there",
            [n for n, w in gateway.dispatch.followers.led.items() if workers.get(n) is not w],
        ),
        (
            "a call that was sent ahead of its inputs is in the worker that has them",
            [
                (record.call.id, number)
                for record in ahead
                for number, value in known(record)
                if value is None and not workers[record.worker].has(number)
            ],
        ),
    ]


def examine_lineage(gateway: Gateway) -> list[Examined]:
    values = gateway.ledger.values
    kept, recipes = values.kept, values.recipes
    needed = Counter(number for recipe in recipes_of(gateway) for number in recipe.placed())
    in_memory = [v.place for v in kept.values() if v.in_memory and v.place is not None]
    moving = [v.place for v in kept.values() if v.moving and v.place is not None]
    return [
        (
            "a value is known as long as it may be needed to make another one again",
            [
                *sorted(needed.keys() - kept.keys()),
                *(number for number, value in kept.items() if value.lineage != needed[number]),
            ],
        ),
        (
            "how a value was made is known while anything is known of it, and there is memory for that",
            [
                *sorted(recipes.kept.keys() - kept.keys()),
                *([recipes.nbytes] if recipes.nbytes > recipes.bytes_max else []),
            ],
        ),
        (
            "the bytes of values and recipes are counted",
            [
                counted
                for counted, true in (
                    (values.nbytes, sum(place.nbytes for place in in_memory)),
                    (values.moving, sum(place.nbytes for place in moving)),
                    (recipes.nbytes, sum(one.nbytes for one in recipes.kept.values())),
                )
                if counted != true
            ],
        ),
    ]


def examine_remaking(gateway: Gateway) -> list[Examined]:
    values, calls = gateway.ledger.values, gateway.calls
    kept, recipes = values.kept, values.recipes
    return [
        (
            "nothing lies there that only what can be made again needs",
            [
                number
                for number, value in kept.items()
                if value.is_here
                and not (value.is_needed or value.moving)
                and number in recipes.kept
            ],
        ),
        (
            "the gateway itself asks for just those calls again whose values are being made again",
            [
                *(n for n, v in kept.items() if v.remaking and n not in calls),
                *(
                    n
                    for n, r in calls.items()
                    if (r.asker == REMAKER) != (n in kept and kept[n].remaking)
                ),
            ],
        ),
        (
            "who waits for a lost value will hear of it",
            [
                number
                for number, value in kept.items()
                if (value.askers or any(r.state is CallState.WAITING for r in value.waiting))
                and (value.is_here or not (value.remaking or number in values.sought))
            ],
        ),
    ]


def recipes_of(gateway: Gateway) -> list[Recipe]:
    """Those that are kept, and those that need their inputs until they are let go."""
    recipes = gateway.ledger.values.recipes
    return [*recipes.kept.values(), *recipes.unused]


def _given(gateway: Gateway) -> list[CallRecord]:
    """The calls that have inputs, also those that run although they are settled."""
    running = (r for w in gateway.workers.values() for r in [*w.held.values(), *w.parked.values()])
    settled = (r for r in running if r.state is CallState.SETTLED)
    return [r for r in [*gateway.calls.values(), *settled] if r.call.inputs]


def known(record: CallRecord) -> list[tuple[int, Settlement | None]]:
    """The inputs of a call, and how each has come out."""
    numbers = dict.fromkeys(one.call for one in record.call.inputs)
    return [(number, record.values.get(number)) for number in numbers]
