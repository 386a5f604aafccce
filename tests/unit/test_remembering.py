"""What the host does when its store can neither be read nor written."""

import logging
from collections.abc import Sequence

import pytest

from elsewhere.calls.messages import Call, Options, Written
from elsewhere.errors import StoreError
from elsewhere.gateway.machine import Gateway
from elsewhere.remembering import Remembering
from elsewhere.store import Acknowledge, Remember, Remembered
from elsewhere.store import Done as StoreDone
from tests.remembering import key, row


class Broken:
    """A store that fails in every way that it may."""

    acknowledge = Acknowledge.DURABLE

    def get(self, key: bytes) -> Remembered | None:
        raise StoreError("r.db", "too many open files", "Close some")

    def get_many(self, keys: Sequence[bytes]) -> list[Remembered | None]:
        raise StoreError("r.db", "too many open files", "Close some")

    def write(self, rows: Sequence[Remember], done: StoreDone) -> None:
        raise StoreError("r.db", "this store is closed", "Open another one")

    def latest(self, function: str) -> Remembered | None:
        return None

    def close(self) -> None:
        return None


def test_a_store_that_cannot_be_read_hinders_no_call(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Written] = []
    remembering = Remembering(Gateway(waits_for_rows=True), Broken, told.append)
    call = Call(1, 7, b"", Options(), key=key(1))
    with caplog.at_level(logging.ERROR, "elsewhere"):
        assert remembering.leave_unknown([call], []) == [call]
    assert "too many open files" in caplog.text


def test_a_store_that_takes_no_rows_is_told_as_one_that_could_not_write() -> None:
    told: list[Written] = []
    Remembering(Gateway(waits_for_rows=True), Broken, told.append).write([row(1)])
    (written,) = told
    assert written.keys == [key(1)]
    assert "this store is closed" in written.failure
