"""One map under way: it yields the results of its chunks in order."""

from collections.abc import Callable, Generator
from time import monotonic
from typing import Any

from elsewhere.calls.messages import Settlement, Verdict
from elsewhere.chunks import Bell, Chunk
from elsewhere.codec.references import supplied
from elsewhere.codec.values import load_list
from elsewhere.errors import DataLost
from elsewhere.intake import Intake, Sender
from elsewhere.outcome import open_chunk, source_of

SPLIT_PARTS = 16


class Mapping:
    """The results of what an intake sends."""

    def __init__(self, sender: Sender, intake: Intake) -> None:
        self._sender = sender
        self.intake = intake

    def results(self, deadline: float | None) -> Generator[Any]:
        """The results in order. Cancels the rest when it ends early, or is dropped, at any time."""
        results = self._results(deadline)
        # A generator that was never started has nothing to clean up, so it is started.
        next(results)
        return results

    def _results(self, deadline: float | None) -> Generator[Any]:
        intake = self.intake
        chunks = intake.chunks
        try:
            yield
            while True:
                intake.fill()
                ended = intake.ended
                if not chunks:
                    if ended:
                        break
                    self._await_input(deadline)
                    continue
                head = chunks[0]
                if isinstance(head, BaseException):
                    raise head
                settlement = self._await(head, deadline)
                if settlement.verdict is Verdict.QUARANTINED and head.items > 1:
                    self._split(head)
                    continue
                chunks.popleft()
                values, error = self._open(head, settlement)
                del settlement, head  # nothing but the results refers to what they lie in
                # Whoever reads the results decides how long each of them lives.
                values.reverse()
                while values:
                    yield values.pop()
                if error is not None:
                    raise error
            if intake.stopped is not None:
                raise intake.stopped
        except KeyboardInterrupt:
            self.abandon(interrupted=True)
            raise
        finally:
            self.abandon()
            # The traceback of what was raised has this frame, and must not keep what nobody reads.
            chunks.clear()

    def abandon(self, *, interrupted: bool = False) -> None:
        """End, and take back what is not settled; if Ctrl-C has ended it, also what runs. Idempotent."""
        try:
            # First, because what is taken back did not fail.
            self.intake.meter.close(interrupted=interrupted)
        finally:
            self.intake.cancel(interrupt=interrupted)

    def _await(self, chunk: Chunk, deadline: float | None) -> Settlement:
        while chunk.settlement is None:
            self._wait(lambda: chunk.settlement is not None, deadline)
        return chunk.settlement

    def _await_input(self, deadline: float | None) -> None:
        """Wait for another thread, which reads the input and has not sent any of it."""
        intake = self.intake
        if intake.is_mine:
            raise RuntimeError("the input of a map asks for the results of that very map")
        self._wait(lambda: bool(intake.chunks) or intake.ended, deadline)

    def _wait(self, done: Callable[[], bool], deadline: float | None) -> None:
        """Wait for a ring of the bell, unless what it is to tell is there."""
        bell = self.intake.meter.bell
        heard = bell.rings
        self.intake.fill()
        if done():
            return
        left = None if deadline is None else deadline - monotonic()
        if left is not None and left <= 0:
            raise TimeoutError
        if not self._sender.serve_until(_rung_since(bell, heard), left):
            bell.wait(left)

    def _open(self, chunk: Chunk, settlement: Settlement) -> tuple[list[Any], BaseException | None]:
        intake = self.intake
        intake.meter.opened(chunk.items, settlement.nbytes)
        name = intake.function.name
        try:
            mapping = None if chunk.placed is None else chunk.placed.map()
        except FileNotFoundError as error:
            lost = DataLost(name)
            lost.__cause__ = error
            return [], lost
        finally:
            chunk.settlement = chunk.placed = None
        return open_chunk(settlement, name, intake.options.timeout, mapping)

    def _split(self, chunk: Chunk) -> None:
        """Some item of the chunk took its worker down: send it again in parts, to find which."""
        # Those of several items are given nothing but values that there are.
        given = [source_of(one.settlement) for one in chunk.inputs if one.settlement is not None]
        with supplied(given):
            items, refused = load_list(chunk.payload)
        self.intake.meter.opened(chunk.items, 0)
        size = max(1, len(items) // SPLIT_PARTS) if len(items) > SPLIT_PARTS**2 else 1
        parts = [items[start : start + size] for start in range(0, len(items), size)]
        self.intake.send_parts(parts, refused)


def _rung_since(bell: Bell, heard: int) -> Callable[[], bool]:
    return lambda: bell.rings != heard
