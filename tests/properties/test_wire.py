"""Every message survives the wire, however its bytes are cut up on the way."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elsewhere.calls import messages, values, workers
from elsewhere.calls.messages import (
    Attempt,
    Call,
    FromGateway,
    FromWorker,
    Kind,
    Options,
    Outcome,
    Settlement,
    ToGateway,
    ToWorker,
    Verdict,
)
from elsewhere.calls.span import Span
from elsewhere.calls.wire import DecodeError, FrameReader, Record, encode_frame
from elsewhere.calls.workers import Exit
from elsewhere.node.control import FromNode, ToNode

INTEGERS = st.integers(-(2**63), 2**64 - 1)
FLOATS = st.floats(allow_nan=False)
TEXTS = st.text()
for kind, strategy in (
    (int, INTEGERS),
    (float, FLOATS),
    (str, TEXTS),
    (bytes, st.binary()),
    (bool, st.booleans()),
    (Kind, st.sampled_from(Kind)),
    (Verdict, st.sampled_from(Verdict)),
):
    st.register_type_strategy(kind, strategy)


def record(kind: type[Record]) -> st.SearchStrategy[Any]:
    """Any record of a type, by the types of its fields."""
    return st.builds(kind, **{name: st.from_type(hint) for name, hint in hints(kind).items()})


def hints(kind: type[Record]) -> dict[str, Any]:
    return {name: kind.__annotations__[name] for name in kind.__struct_fields__}


for inner in (Options, Exit, Outcome, Attempt, Call, Settlement, Span):
    st.register_type_strategy(inner, record(inner))

UNIONS = {
    "to a worker": ToWorker,
    "from a worker": FromWorker,
    "to the gateway": ToGateway,
    "from the gateway": FromGateway,
    "to a node": ToNode,
    "from a node": FromNode,
}


def members(union: Any) -> tuple[type[Record], ...]:
    return get_args(union) or (union,)


MESSAGES = {name: st.one_of([record(kind) for kind in members(u)]) for name, u in UNIONS.items()}


def read(union: Any, *parts: bytes) -> list[Any]:
    reader: FrameReader[Any] = FrameReader(union)
    return [message for part in parts for message in reader.feed(part)]


@pytest.mark.parametrize("name", UNIONS)
def test_every_batch_survives(name: str) -> None:
    @given(st.lists(MESSAGES[name]))
    def check(batch: list[Any]) -> None:
        assert read(UNIONS[name], bytes(encode_frame(batch))) == batch

    check()


@pytest.mark.parametrize(
    "kind",
    sorted({kind for union in UNIONS.values() for kind in members(union)}, key=str),
    ids=str,
)
def test_every_message_survives(kind: type[Record]) -> None:
    @given(record(kind))
    def check(message: Record) -> None:
        assert read(kind, bytes(encode_frame([message]))) == [message]

    check()


def test_every_tagged_message_is_in_a_union() -> None:
    tagged = {
        kind
        for module in (messages, values, workers)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Record) and kind.__struct_config__.tag
    }
    assert tagged == {
        kind for name, union in UNIONS.items() if "node" not in name for kind in members(union)
    }


@given(st.lists(st.lists(MESSAGES["to a worker"], max_size=3), max_size=4), st.data())
def test_cut_up_anywhere_it_is_the_same(batches: list[list[Any]], data: st.DataObject) -> None:
    stream = b"".join(bytes(encode_frame(batch)) for batch in batches)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    parts = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(ToWorker, *parts) == [message for batch in batches for message in batch]


@given(st.lists(MESSAGES["from a worker"], max_size=3))
def test_each_message_comes_as_soon_as_its_frame_is_complete(batch: list[Any]) -> None:
    frame = bytes(encode_frame(batch))
    reader: FrameReader[Any] = FrameReader(FromWorker)
    assert reader.feed(frame[:-1]) == []
    assert reader.feed(frame[-1:] + frame) == batch + batch


@given(st.binary(max_size=64))
def test_damaged_bytes_raise_one_kind_of_error_or_wait_for_more(body: bytes) -> None:
    frame = len(body).to_bytes(8, "little") + body
    try:
        batch = read(FromWorker, frame)
    except DecodeError:
        return
    assert read(FromWorker, bytes(encode_frame(batch))) == batch
