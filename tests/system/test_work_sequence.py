"""The sequence of "A Comparison of Work Sequences": d2 of d1, d3 of d0 and d2, d4 of nothing.

The client asks for them in this order and then looks at d3.
"""

from pathlib import Path
from typing import Any

import pytest

from elsewhere import Future, Pool
from elsewhere.calls.messages import Define, Release, Submit, ToGateway
from elsewhere.gateway.records import CLIENT, Turn
from tests.system.functions import touch_and_wait, wait_for_file
from tests.system.waiting import wait_until


def meet(own: str, other: str) -> list[int]:
    """A given chunk of data; two of these are made at the same time, by two workers."""
    touch_and_wait(own, other)
    return [1, 2, 3]


def change(data: list[int], gate: str) -> list[int]:
    wait_for_file(gate)
    return [10 * number for number in data]


def combine(data: list[int], other: list[int]) -> list[int]:
    return [a + b for a, b in zip(data, other, strict=True)]


def give(pool: Pool, folder: Path) -> tuple[Future[Any], Future[Any]]:
    """d0 and d1, on the workers."""
    one, two = str(folder / "d0"), str(folder / "d1")
    given = pool.submit(meet, one, two), pool.submit(meet, two, one)
    for future in given:
        assert future.exception() is None
    return given


class Exchanges:
    """Counts what the client and the gateway say to each other, but for code, which needs no answer."""

    def __init__(self, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.others: list[object] = []
        gateway = pool._session._host._gateway
        self._step = gateway.step
        monkeypatch.setattr(gateway, "step", self.step)

    def step(self, sender: int, message: ToGateway | None, now: float) -> Turn:
        if sender == CLIENT:
            if isinstance(message, Submit):
                self.calls += len(message.calls)
            elif not isinstance(message, (Define, Release)):
                self.others.append(message)
        turn = self._step(sender, message, now)
        self.others += [said for peer, said in turn.sends if peer == CLIENT]
        return turn


def test_the_client_waits_for_nothing_before_it_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Pool(2, record=True) as pool:
        d0, d1 = give(pool, tmp_path)
        exchanges = Exchanges(pool, monkeypatch)
        gate, begun, end = (str(tmp_path / name) for name in ("gate", "begun", "end"))
        d2: Future[Any] = pool.submit(change, d1, gate)
        d3: Future[Any] = pool.submit(combine, d0, d2)
        d4 = pool.submit(touch_and_wait, begun, end)
        # All of them are under way before d2 can end: the client has waited for none.
        assert not any(future.done() for future in (d2, d3, d4))
        wait_until(Path(begun).exists, "d4 has begun")
        Path(gate).touch()
        assert d3.result() == [11, 22, 33]
        assert not d4.done()
        assert exchanges.others == []
        look = 1
        assert exchanges.calls + look <= 4
        Path(end).touch()

    made = {span.function: span for span in pool.timeline()}
    # It was bound late: d4 keeps one worker, and d3 runs where d2 was.
    assert made["combine"].worker == made["change"].worker != made["touch_and_wait"].worker
    assert made["combine"].ready == made["change"].ended
    assert made["change"].call in made["combine"].inputs
    assert max(span.asked for span in made.values()) < made["change"].ended
