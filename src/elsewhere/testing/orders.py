"""A world so small that every order in which things can happen in it is tried.

There is no time and no fault in it: what differs is which message arrives next, which worker goes on,
and when the client submits. States that were seen before are not gone through again.
"""

import pickle
from collections import Counter, deque
from collections.abc import Sequence
from hashlib import blake2b

from elsewhere.calls.messages import (
    Answer,
    Attempt,
    Call,
    Define,
    Done,
    FromGateway,
    FromWorker,
    Need,
    Options,
    Outcome,
    Recall,
    Returned,
    Run,
    Settlement,
    Share,
    Submit,
    ToGateway,
    Verdict,
)
from elsewhere.calls.workers import Ready, Started
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CLIENT, ENGINE
from elsewhere.store import KEY_BYTES
from elsewhere.testing.programs import Ask, Behaviour, Programs, write_payload
from elsewhere.testing.roots import Outgoing, Roots, Task

STATES_MAX = 2_000_000
LATER_SECONDS = 1.0
"""When nothing else can happen, so much time passes, if the gateway asked to be stepped again."""

Tree = dict[str, str]
"""call → the calls that it makes, a letter each; a small letter has no key; one with a + behind it is
given the values of all before it"""


class Stuck(AssertionError):
    """Nothing can happen any more, and not everything is done."""


def never() -> bool:
    return False


class Clerk:
    """A worker without time: each `go_on` is one thing that its code does."""

    def __init__(self, number: int, programs: Programs, values: dict[int, list[bytes]]) -> None:
        self.number = number
        self.inbox: deque[FromGateway] = deque()
        self.outbox: deque[ToGateway] = deque()
        self.attempts: deque[Attempt] = deque()
        self.current: Task | None = None
        self._values = values
        self._kept: dict[int, bytes] = {}
        """what each call has come to here"""
        self._outgoing: list[Outgoing] = []
        self.roots = Roots(number, programs, self._outgoing.append, never)

    @property
    def can_go_on(self) -> bool:
        return bool(self.current or self.roots.ready or self.roots.stack or self.attempts)

    def read(self) -> None:
        """Take in the next message."""
        message = self.inbox.popleft()
        match message:
            case Run():
                self.attempts += message.attempts
            case Recall():
                back = [a for a in self.attempts if (a.call, a.fence) in message.attempts]
                self.attempts = deque(a for a in self.attempts if a not in back)
                given = [(a.call, a.fence) for a in back]
                kept = [name for name in message.attempts if name not in given]
                self._outgoing.append(Returned(given, kept))
            case Answer():
                for settlement in message.settlements:
                    self.roots.answer(settlement)
            case Share():
                self.roots.share()
            case Need():
                self.roots.give(message)
        self._send()

    def go_on(self) -> None:
        """End a part of what has control, or give control to the next."""
        task = self.current
        if task is not None:
            self.current = None
            self._end_part(task)
        elif self.roots.ready:
            self._enter(self.roots.ready.popleft())
        elif self.roots.stack:
            self._begin(self.roots.stack.pop())
        else:
            self._begin_attempt(self.attempts.popleft())
        if not self.can_go_on:
            self.roots.lose_control()
        self._send()

    def _begin_attempt(self, attempt: Attempt) -> None:
        if any(one.fence and one.call not in self._kept for one in attempt.inputs):
            self._outgoing.append(
                Outcome(attempt.call, attempt.fence, Verdict.UNREADY, b"", 0.0, 0.0)
            )
            return
        task = self.roots.begin(attempt, 0.0).main
        found = [self._kept[one.call] if one.fence else one.payload for one in attempt.inputs]
        if found != self._values[task.behaviour.name]:
            raise Stuck(f"call {attempt.call} was given {attempt.inputs}")
        self._begin(task)

    def _begin(self, task: Task) -> None:
        task.behaviour.runs += 1
        self._enter(task)

    def _enter(self, task: Task) -> None:
        self.roots.give_control(task.root)
        self.current = task

    def _end_part(self, task: Task) -> None:
        asks = task.behaviour.asks
        part, task.part = task.part, task.part + 1
        if task.over:
            return
        if part < len(asks) and not task.failed:
            self.roots.ask(task, asks[part])
            return
        verdict = Verdict.ERROR if task.failed else Verdict.VALUE
        if task is not task.root.main:
            self.roots.child_ended(task, verdict)
            return
        attempt = task.root.attempt
        value = self._kept[attempt.call] = value_of(task.behaviour)
        self._outgoing.append(Outcome(attempt.call, attempt.fence, verdict, value, 0.0, 0.0))
        self.roots.end(task.root)

    def _send(self) -> None:
        self.roots.tell_stack()
        for item in self._outgoing:
            if isinstance(item, Outcome):
                self.outbox.append(Done([item]))
            elif isinstance(item, Call):
                self.outbox.append(Submit([item]))
            else:
                self.outbox.append(_to_gateway(item))
        self._outgoing.clear()


def _to_gateway(message: FromWorker) -> ToGateway:
    return message  # type: ignore[return-value]  # nothing is ever Said


def value_of(behaviour: Behaviour) -> bytes:
    return b"value of %d" % behaviour.name


class SmallWorld:
    """The calls of `tree`, of which the client submits `roots` in this order, on some workers."""

    def __init__(self, tree: Tree, roots: Sequence[str], workers: int) -> None:
        self.gateway = Gateway()
        self.settled: dict[int, Verdict] = {}
        self.circles = 0
        self.remembered: dict[bytes, bytes] = {}
        """the values that a store would have, by key"""
        self.programs = Programs()
        self._names = {letter: self.programs.make(1, 0.0) for letter in tree}
        for letter, behaviour in self._names.items():
            if letter.isupper():
                behaviour.key = letter.encode().ljust(KEY_BYTES, b".")
        values: dict[int, list[bytes]] = {b.name: [] for b in self._names.values()}
        for letter, behaviour in self._names.items():
            if tree[letter]:
                behaviour.asks.append(self._read_asks(tree[letter], values))
        self.unsubmitted = deque(self._call(n, letter) for n, letter in enumerate(roots, 1))
        self.clerks = [Clerk(number, self.programs, values) for number in range(1, workers + 1)]
        self._now = 0.0
        self._step(CLIENT, Define(1, b"code"))
        for clerk in self.clerks:
            self._step(ENGINE, Started(clerk.number))
            self._step(clerk.number, Ready(clerk.number))

    def _read_asks(self, text: str, values: dict[int, list[bytes]]) -> list[Ask]:
        """The calls that one makes. Enters the values that they must be given."""
        asks: list[Ask] = []
        for letter, after in zip(text, [*text[1:], ""], strict=True):
            if letter == "+":
                continue
            name = self._names[letter].name
            inputs = tuple(range(len(asks))) if after == "+" else ()
            values[name] = [value_of(self.programs.by_name[asks[n].name]) for n in inputs]
            asks.append(Ask(name, inputs=inputs))
        return asks

    def _call(self, number: int, letter: str) -> Call:
        behaviour = self._names[letter]
        payload = write_payload(behaviour.name)
        return Call(number, 1, payload, Options(), key=behaviour.key, label=letter)

    def runs(self) -> dict[str, int]:
        """How often each call has run."""
        return {letter: behaviour.runs for letter, behaviour in self._names.items()}

    def moves(self) -> list[tuple[str, int]]:
        """Everything that could happen next."""
        moves = [("submit", 0)] if self.unsubmitted else []
        for number, clerk in enumerate(self.clerks):
            if clerk.inbox:
                moves.append(("read", number))
            if clerk.can_go_on:
                moves.append(("go on", number))
        if not moves and self.gateway.dispatch.check_at is not None:
            moves.append(("wait", 0))
        return moves

    def make(self, move: tuple[str, int]) -> None:
        kind, number = move
        match kind:
            case "submit":
                self._step(CLIENT, Submit([self.unsubmitted.popleft()]))
            case "read":
                self.clerks[number].read()
                self._hear(self.clerks[number])
            case "go on":
                self.clerks[number].go_on()
                self._hear(self.clerks[number])
            case _:
                self._now += LATER_SECONDS
                self._step(ENGINE, None)

    def _hear(self, clerk: Clerk) -> None:
        """Its words arrive at once: what crosses them on the way does so in its inbox as well."""
        while clerk.outbox:
            message = clerk.outbox.popleft()
            if isinstance(message, Submit):
                found = [call for call in message.calls if call.key in self.remembered]
                for call in found:
                    value = self.remembered[call.key]
                    clerk.inbox.append(Answer([Settlement(call.id, Verdict.VALUE, value)]))
                message = Submit([call for call in message.calls if call not in found])
            self._step(clerk.number, message)

    def _step(self, sender: int, message: ToGateway | None) -> None:
        turn = self.gateway.step(sender, message, self._now)
        check_invariants(self.gateway)
        self.remembered.update((row.key, row.payload) for row in turn.rows)
        for settlement in turn.settlements:
            if settlement.call in self.settled:
                raise Stuck(f"call {settlement.call} was settled twice")
            self.settled[settlement.call] = settlement.verdict
        for peer, told in turn.sends:
            if isinstance(told, Answer):
                self.circles += told.settlements[0].verdict is Verdict.CIRCULAR
            if peer not in {CLIENT, ENGINE} and not isinstance(told, Define):
                self.clerks[peer - 1].inbox.append(told)

    def check_end(self) -> None:
        """Nothing can happen any more: everything must be settled, and nothing be kept."""
        asks = self.gateway.ledger.asks
        left = [*self.gateway.calls, *asks.joined, *asks.claims]
        left += self.gateway.ledger.inputs.waiting
        left += [name for clerk in self.clerks for name in clerk.roots.by_name]
        if left:
            raise Stuck(f"nothing can happen any more, and these are left: {left}")


def try_all_orders(tree: Tree, roots: Sequence[str], workers: int) -> tuple[int, Counter[str]]:
    """Go through every order. Returns how many states there are, and how often each end is reached.

    An end is told as the verdicts of the roots, how often each call ran, and how many circles were told.
    Raises `Stuck` or `GatewayBug` if one goes wrong.
    """
    seen: set[bytes] = set()
    ends: Counter[str] = Counter()
    todo = [pickle.dumps(SmallWorld(tree, roots, workers), 5)]
    while todo:
        state = todo.pop()
        moves = pickle.loads(state).moves()
        for move in moves:
            world: SmallWorld = pickle.loads(state)
            world.make(move)
            after = pickle.dumps(world, 5)
            digest = blake2b(after, digest_size=16).digest()
            if digest not in seen:
                seen.add(digest)
                todo.append(after)
        if not moves:
            end: SmallWorld = pickle.loads(state)
            end.check_end()
            verdicts = [v.name.lower() for _, v in sorted(end.settled.items())]
            ends[f"{' '.join(verdicts)}; runs {end.runs()}; circles {end.circles}"] += 1
        if len(seen) > STATES_MAX:
            raise Stuck(f"more than {STATES_MAX} states")
    return len(seen), ends
