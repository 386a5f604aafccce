"""Applies the function of an attempt to its arguments, here or in a fork, and says how it came out."""

from collections.abc import Callable
from typing import Any

from elsewhere.calls.messages import Attempt, Kind, Outcome, Verdict
from elsewhere.calls.workers import Exit
from elsewhere.errors import CallInterrupted
from elsewhere.plans.dependency import release_all
from elsewhere.plans.injected import Injected, injected
from elsewhere.worker.control import Root
from elsewhere.worker.editions import WorkerEditions
from elsewhere.worker.node_function import NodeFunction, NodeRunner
from elsewhere.worker.output import LineWriter
from elsewhere.worker.post import Post
from elsewhere.worker.values import Encoded, InputMissing, Values, Whole, in_outcome

Result = Encoded | Exit
"""a value or a failure, encoded; where the value lies, or the input that does not lie there; or how the
fork ended"""


class Failed(BaseException):
    """An attempt has failed in a fork."""

    def __init__(self, verdict: Verdict, result: Result) -> None:
        self.verdict = verdict
        self.result = result


def _value_of(outcome: Outcome) -> Encoded:
    """Raises `Failed` if it has none."""
    payload, place = outcome.payload, outcome.place
    result: Encoded = payload if place is None else Whole(payload, place) if payload else place
    if outcome.verdict is not Verdict.VALUE:
        raise Failed(outcome.verdict, result)
    return result


class Applying:
    """`finish` gives the value of a coroutine."""

    def __init__(
        self,
        post: Post,
        values: Values,
        editions: WorkerEditions,
        screens: list[LineWriter],
        finish: Callable[[Any], Any],
    ) -> None:
        self._post = post
        self._values = values
        self._editions = editions
        self._screens = screens
        self._finish = finish
        self.make_stand_ins: Callable[[], NodeRunner] | None = None
        """set by who can: then calls that need what has the scope `node` run elsewhere"""
        self._stand_ins: NodeRunner | None = None

    def apply(self, attempt: Attempt, root: Root) -> Encoded:
        """The value. Raises what the call raises, and what `fail` takes."""
        function: Any = self._post.functions[attempt.function]
        if type(function) is bytes:
            function = self._decode(function)
            self._post.functions[attempt.function] = function
            root.table = self._editions.note(attempt.function, self._post.functions)
        if type(function) is NodeFunction:
            return self._apply_beside(function, attempt, root)
        if attempt.kind is Kind.WARM:
            if isinstance(function, Injected):
                function.make_ahead()
            return self._values.encode(None)
        if attempt.fork:
            return self._apply_in_fork(function, attempt, root)
        if attempt.kind is Kind.CALL:
            args, kwargs = root.arguments = self._values.load_arguments(attempt, root.mapped)
            value = self._finish(function(*args, **kwargs))
            if not attempt.hands_on:
                return self._values.encode(value, remembered=attempt.remembered)
            result = self._values.encode(value, hands_on=True)
            del value  # who looks whether others refer to it must not find it here
            return self._values.settle_handed(attempt, result)
        from elsewhere.worker.chunk import apply_chunk, load_chunk

        items, refused = load_chunk(attempt.payload, self._values.sources(attempt, root.mapped))
        return apply_chunk(function, items, refused, attempt.kind, self._values.encode_results)

    def _decode(self, code: bytes) -> Any:
        function = injected(self._editions.decode(code))
        if self.make_stand_ins is not None and isinstance(function, Injected):
            needs = function.plan.node_needs()
            if needs:
                return NodeFunction(function, code, needs)
        return function

    def _apply_beside(self, function: NodeFunction, attempt: Attempt, root: Root) -> Encoded:
        """In the process that stands in for this one. What the caller gives itself need not be made."""
        if self._stand_ins is None:
            self._stand_ins = self.make_stand_ins()  # type: ignore[misc]  # else it were no `NodeFunction`
        if attempt.kind is not Kind.WARM and not self._stand_ins.has(function):
            apply, count, names = self._bind(function.func, attempt, root)
            if not function.func.plan.lacking(count, names):
                return self._run_in_fork(apply, attempt, root) if attempt.fork else apply()
            del apply, names
            root.arguments = None
        from elsewhere.worker.fork import ForkDied

        try:
            return _value_of(self._stand_ins.run(function, attempt, root))
        except ForkDied as died:
            raise Failed(Verdict.QUARANTINED, died.how) from None

    def _apply_in_fork(self, function: Callable[..., Any], attempt: Attempt, root: Root) -> Encoded:
        """What is kept here must be made here, and so it must be known which arguments are lacking."""
        apply, count, names = self._bind(function, attempt, root)
        held = function.prepare(count, names) if isinstance(function, Injected) else []
        try:
            return self._run_in_fork(apply, attempt, root)
        finally:
            release_all(held)

    def _bind(
        self, function: Callable[..., Any], attempt: Attempt, root: Root
    ) -> tuple[Callable[[], Encoded], int, dict[str, Any]]:
        """What gives the value; how many arguments the function is given by position, and those by name."""
        if attempt.kind is Kind.CALL:
            args, kwargs = root.arguments = self._values.load_arguments(attempt, root.mapped)

            def apply() -> Encoded:
                value = self._finish(function(*args, **kwargs))
                return self._values.encode(value, remembered=attempt.remembered)

            return apply, len(args), kwargs
        from elsewhere.worker.chunk import apply_chunk, load_chunk

        items, refused = load_chunk(attempt.payload, self._values.sources(attempt, root.mapped))

        def apply_all() -> Encoded:
            encode = self._values.encode_results
            return apply_chunk(function, items, refused, attempt.kind, encode)

        count = 1 if attempt.kind is Kind.MAP else min(map(len, items), default=0)
        return apply_all, count, {}

    def _run_in_fork(self, apply: Callable[[], Encoded], attempt: Attempt, root: Root) -> Encoded:
        from elsewhere.worker.fork import Fork, ForkDied

        writer = self._values.next_writer()

        def work() -> Outcome:
            self._values.write_as(writer)
            verdict = Verdict.VALUE
            try:
                result: Result = apply()
            except BaseException as error:  # noqa: BLE001  # it travels to the client
                verdict, result = self.fail(attempt, error, root)
            payload, place = in_outcome(result)  # type: ignore[arg-type]  # no fork in a fork
            return Outcome(*root.name, verdict, payload, 0.0, 0.0, place)

        try:
            outcome = Fork(root, self._post, self._screens).run(work)
        except ForkDied as died:
            self._values.remove_written(writer)
            raise Failed(Verdict.QUARANTINED, died.how) from None
        return _value_of(outcome)

    def fail(self, attempt: Attempt, error: BaseException, root: Root) -> tuple[Verdict, Result]:
        """How an attempt came out that has no value, and what is said of that."""
        if isinstance(error, InputMissing):
            return Verdict.MISSING, error.place
        if isinstance(error, Failed):
            return error.verdict, error.result
        described = self._describe(attempt, error, root)
        if root.interrupted and isinstance(error, CallInterrupted):
            return Verdict.INTERRUPTED, described
        return Verdict.ERROR, described

    def _describe(self, attempt: Attempt, error: BaseException, root: Root) -> bytes:
        # Only a failure pays for what its description imports.
        from elsewhere.codec.failures import encode_failure
        from elsewhere.codec.labels import label_of
        from elsewhere.worker.chunk import ChunkFailed, encode_chunk_failure

        if isinstance(error, ChunkFailed):
            return error.payload
        if attempt.kind in {Kind.MAP, Kind.STARMAP}:
            return encode_chunk_failure([], error)  # it failed before its first item
        label = ""
        function = self._post.functions.get(attempt.function, b"")
        if root.arguments is not None:
            label = label_of(function, *root.arguments)  # type: ignore[arg-type]  # it was called
            root.arguments = None
        return encode_failure(error, label)
