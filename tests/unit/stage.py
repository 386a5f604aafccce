"""A stage for the gateway: events and turns as short lines of text, for tests and transcripts.

What is told, one event a line; a call is meant with its fence as ``call#fence``:

    at SECONDS                          only the time; also in front of any event: at 0.5 ready 1
    start W | ready W | unready W       a worker was started, is ready, its initializer raised
    define F [by=W] [needs=R,...] | release F ... [by=W]
    submit C ... of F [timeout=S] [retries=N] [interrupt] [deaths=N] [items=N] [bytes=N]
        [by=W] [parent=C] [key=K] [remember-errors] [inputs=INPUT,...] [warm]
    given C INPUT ... [by=W]            an INPUT is a call, or one that has come out: C:VERDICT
    cancel C ... [interrupt] [by=W]
    done W C#F ... [value|error|interrupted] [took=S] [building=S]
    died W C#F [signal=N]               the fork that ran an attempt has ended
    return W C#F ... [kept C#F ...]
    park W C#F | resume W C#F | has W N
    lost W [running=C] [signal=N | code=none]
    written K ... [failure=TEXT]
    made W R [took=S] [bytes=N] | evicted W R
    inquire | inventory W [R:USES:IDLE ...]
"""

from collections.abc import Callable

from elsewhere.calls.messages import (
    Answer,
    Attempt,
    Call,
    Cancel,
    Define,
    Died,
    Done,
    Forget,
    FromGateway,
    Given,
    Has,
    Input,
    Interrupt,
    Kept,
    Kind,
    Need,
    Options,
    Outcome,
    Parked,
    Recall,
    Release,
    Resumed,
    Returned,
    Run,
    Settlement,
    Share,
    Submit,
    ToGateway,
    Verdict,
    Written,
)
from elsewhere.calls.resources import Evicted, Inquire, Inventory, Made, ResourceName, Use
from elsewhere.calls.workers import Exit, Kill, Lost, Ready, Started, Stop, Unready
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.placement import Placement
from elsewhere.gateway.records import CLIENT, ENGINE, STORE, Turn
from elsewhere.store import Remember


class Stage:
    """One gateway, told what happens in words. Its invariants are checked after every step."""

    def __init__(
        self,
        tasks: int | None = None,
        *,
        waits_for_rows: bool = False,
        placement: Placement | None = None,
    ) -> None:
        self.gateway = Gateway(
            tasks_per_worker_max=tasks, waits_for_rows=waits_for_rows, placement=placement
        )
        self.now = 0.0
        self._readers: dict[str, Callable[[list[str]], tuple[int, ToGateway]]] = {
            "start": lambda words: (ENGINE, Started(int(words[0]))),
            "ready": lambda words: (int(words[0]), Ready(1)),
            "unready": lambda words: (int(words[0]), Unready(b"raised")),
            "define": _read_define,
            "release": lambda words: (_read_asker(words), Release(_read_numbers(words))),
            "submit": _read_submit,
            "given": _read_given,
            "cancel": _read_cancel,
            "done": _read_done,
            "died": _read_died,
            "return": _read_return,
            "park": lambda words: (int(words[0]), Parked(*_read_attempt(words[1]))),
            "resume": lambda words: (int(words[0]), Resumed(*_read_attempt(words[1]))),
            "has": lambda words: (int(words[0]), Has(int(words[1]))),
            "lost": _read_lost,
            "written": _read_written,
            "made": _read_made,
            "evicted": lambda words: (int(words[0]), Evicted(words[1].encode())),
            "inquire": lambda words: (CLIENT, Inquire()),
            "inventory": _read_inventory,
        }

    def tell(self, *events: str) -> list[str]:
        """Step through the events. Returns what the last turn says, without when to wake."""
        return render(self.turn(*events))

    def turn(self, *events: str) -> Turn:
        """Step through the events. Returns the last turn."""
        turn = Turn()
        for event in events:
            words = event.split()
            if words[0] == "at":
                self.now = float(words[1])
                words = words[2:]
            sender, message = self._readers[words[0]](words[1:]) if words else (ENGINE, None)
            turn = self.say(sender, message)
        return turn

    def say(self, sender: int, message: ToGateway | None) -> Turn:
        """One step with a message that no line of text stands for."""
        turn = self.gateway.step(sender, message, self.now)
        check_invariants(self.gateway)
        return turn


# ---------------------------------------------------------------- reading


def _split(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Plain words, and what is given as name=value."""
    plain = [word for word in words if "=" not in word]
    return plain, dict(word.split("=") for word in words if "=" in word)


def _read_define(words: list[str]) -> tuple[int, ToGateway]:
    needs = [name for name in _split(words)[1].get("needs", "").split(",") if name]
    resources = tuple([ResourceName(name.encode(), name) for name in needs])
    return _read_asker(words), Define(
        int(words[0]), b"code of " + words[0].encode(), "f", resources
    )


def _read_made(words: list[str]) -> tuple[int, ToGateway]:
    (worker, resource), given = _split(words)
    return int(worker), Made(
        ResourceName(resource.encode(), resource),
        float(given.get("took", "1")),
        int(given.get("bytes", "0")),
    )


def _read_inventory(words: list[str]) -> tuple[int, ToGateway]:
    uses = [word.split(":") for word in words[1:]]
    return int(words[0]), Inventory(
        [Use(name.encode(), int(count), float(idle)) for name, count, idle in uses]
    )


def _read_submit(words: list[str]) -> tuple[int, ToGateway]:
    plain, given = _split(words)
    at = plain.index("of")
    options = Options(
        timeout=float(given["timeout"]) if "timeout" in given else None,
        retries=int(given.get("retries", "0")),
        interrupt="interrupt" in plain,
        deaths_max=int(given.get("deaths", "3")),
        remember_errors="remember-errors" in plain,
    )
    function, items = int(plain[at + 1]), int(given.get("items", "1"))
    payload = bytes(int(given.get("bytes", "1")))
    numbers = [number for word in plain[:at] for number in _range(word)]
    inputs = tuple(_read_input(word) for word in given.get("inputs", "").split(",") if word)
    return _read_asker(words), Submit(
        [
            Call(
                number,
                function,
                payload,
                options,
                Kind.WARM if "warm" in plain else Kind.CALL,
                items=items,
                key=given.get("key", "").encode(),
                parent=int(given.get("parent", "0")),
                label=f"f({number})" if "key" in given else "",
                inputs=inputs,
            )
            for number in numbers
        ]
    )


def _read_input(word: str) -> Input:
    call, _, verdict = word.partition(":")
    if not verdict:
        return Input(int(call))
    payload = b"given %d" % int(call)
    return Input(int(call), Settlement(int(call), Verdict[verdict.upper()], payload))


def _read_given(words: list[str]) -> tuple[int, ToGateway]:
    call, *inputs = _split(words)[0]
    return _read_asker(words), Given(int(call), tuple(_read_input(word) for word in inputs))


def _read_asker(words: list[str]) -> int:
    return int(_split(words)[1].get("by", CLIENT))


def _read_numbers(words: list[str]) -> list[int]:
    return [int(word) for word in _split(words)[0] if word != "interrupt"]


def _range(word: str) -> range:
    first, _, last = word.partition("..")
    return range(int(first), int(last or first) + 1)


def _read_cancel(words: list[str]) -> tuple[int, ToGateway]:
    return _read_asker(words), Cancel(_read_numbers(words), "interrupt" in words)


def _read_done(words: list[str]) -> tuple[int, ToGateway]:
    plain, given = _split(words)
    verdict = Verdict[plain.pop().upper()] if "#" not in plain[-1] else Verdict.VALUE
    took, building = float(given.get("took", "0.001")), float(given.get("building", "0"))
    return int(plain[0]), Done(
        [
            Outcome(call, fence, verdict, b"%d#%d" % (call, fence), 0.0, took, building=building)
            for call, fence in (_read_attempt(word) for word in plain[1:])
        ]
    )


def _read_return(words: list[str]) -> tuple[int, ToGateway]:
    at = words.index("kept") if "kept" in words else len(words)
    returned, kept = words[1:at], words[at + 1 :]
    return int(words[0]), Returned(
        [_read_attempt(word) for word in returned], [_read_attempt(word) for word in kept]
    )


def _read_died(words: list[str]) -> tuple[int, ToGateway]:
    plain, given = _split(words)
    signal = int(given["signal"]) if "signal" in given else None
    how = Exit(7 if signal is None else None, signal, 2**20, fork=True)
    return int(plain[0]), Died(*_read_attempt(plain[1]), how)


def _read_lost(words: list[str]) -> tuple[int, ToGateway]:
    plain, given = _split(words)
    signal = int(given["signal"]) if "signal" in given else None
    code = None if signal is not None or "code" in given else 1
    exit_seen = Exit(code, signal, None, int(given.get("running", "0")))
    return ENGINE, Lost(int(plain[0]), exit_seen)


def _read_written(words: list[str]) -> tuple[int, ToGateway]:
    plain, given = _split(words)
    return STORE, Written([word.encode() for word in plain], given.get("failure", ""))


def _read_attempt(word: str) -> tuple[int, int]:
    call, _, fence = word.partition("#")
    return int(call), int(fence)


# ---------------------------------------------------------------- writing


def render(turn: Turn, *, wake: bool = False) -> list[str]:
    """A turn as lines: its rows, what it sends and settles and, if `wake`, when it is to be woken."""
    lines = [_write_row(row) for row in turn.rows]
    lines += [f"{_name(peer)}: {_write(message)}" for peer, message in turn.sends]
    lines += [_write_settlement(settlement) for settlement in turn.settlements]
    if wake and turn.wake is not None:
        lines.append(f"wake at {turn.wake:g}")
    return lines


def _name(peer: int) -> str:
    return {CLIENT: "client", ENGINE: "engine"}.get(peer, f"worker {peer}")


def _write(message: FromGateway) -> str:
    match message:
        case Define():
            return f"define {message.function}"
        case Forget():
            return "forget " + " ".join(str(function) for function in message.functions)
        case Run():
            return "run " + " ".join(_write_attempt(attempt) for attempt in message.attempts)
        case Recall():
            return "recall " + _write_attempts(message.attempts)
        case Interrupt():
            return f"interrupt {message.call}#{message.fence}"
        case Share() | Stop() | Inquire():
            return type(message).__name__.lower()
        case Answer():
            return "; ".join(_write_settlement(settlement) for settlement in message.settlements)
        case Need():
            return f"need for {message.call}: " + " ".join(str(call) for call in message.inputs)
        case Kill():
            return f"kill {message.worker}"
        case Kept():
            return "kept " + " ".join(str(call) for call in message.calls)
        case _:
            return str(message)


def _write_attempt(attempt: Attempt) -> str:
    inputs = ", ".join(value.payload.decode() for value in attempt.inputs)
    return f"{attempt.call}#{attempt.fence}" + (f"({inputs})" if inputs else "")


def _write_attempts(attempts: list[tuple[int, int]]) -> str:
    return " ".join(f"{call}#{fence}" for call, fence in attempts)


def _write_row(row: Remember) -> str:
    return f"remember {row.key.decode()}: {row.verdict.name.lower()}"


def _write_settlement(settlement: Settlement) -> str:
    line = f"call {settlement.call}: {settlement.verdict.name.lower()}"
    if settlement.attempt:
        line += f", attempt {settlement.attempt}"
    if settlement.worker:
        line += f", worker {settlement.worker}"
    if settlement.chain:
        line += ", needed by " + " < ".join(settlement.chain)
    return line
