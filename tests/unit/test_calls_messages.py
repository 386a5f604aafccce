"""Messages travel as frames of bytes and come out as they went in."""

import pickle

import pytest

from elsewhere.calls.blobs import Fetch
from elsewhere.calls.messages import (
    Define,
    Done,
    FromWorker,
    Outcome,
    Release,
    Settlement,
    ToGateway,
    Verdict,
)
from elsewhere.calls.shipment import PICKLE, Form, Module, Shipment, Table
from elsewhere.calls.span import Span
from elsewhere.calls.values import Place
from elsewhere.calls.wire import (
    DecodeError,
    FrameReader,
    decode_record,
    encode_frame,
    encode_record,
)
from elsewhere.calls.workers import Exit, Ready, Stop

MESSAGES: list[FromWorker] = [
    Ready(12),
    Done([Outcome(1, 2, Verdict.ERROR, b"failure", 0.5, 0.25)]),
]


def test_messages_come_out_as_they_went_in() -> None:
    reader: FrameReader[FromWorker] = FrameReader(FromWorker)

    assert reader.feed(encode_frame(list(MESSAGES))) == MESSAGES


def test_a_frame_may_come_byte_by_byte() -> None:
    reader: FrameReader[FromWorker] = FrameReader(FromWorker)

    got = [
        message for byte in encode_frame(list(MESSAGES)) for message in reader.feed(bytes([byte]))
    ]

    assert got == MESSAGES


def test_several_frames_may_come_at_once() -> None:
    reader: FrameReader[ToGateway] = FrameReader(ToGateway)
    frames = encode_frame([Define(1, b"code")]) + encode_frame([Release([1])])

    assert reader.feed(frames) == [Define(1, b"code"), Release([1])]


def test_damaged_bytes_are_refused() -> None:
    reader: FrameReader[ToGateway] = FrameReader(ToGateway)

    frame = encode_frame([])
    frame[-1] = 0xC1  # what no message begins with

    with pytest.raises(DecodeError):
        reader.feed(frame)


def test_a_message_of_the_wrong_kind_is_refused() -> None:
    reader: FrameReader[FromWorker] = FrameReader(FromWorker)

    with pytest.raises(DecodeError):
        reader.feed(encode_frame([Stop()]))


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Exit(signal=9), "was killed by signal 9"),
        (Exit(code=1), "exited with code 1"),
        (Exit(), "was lost"),
        (Exit(reason="could not be forked (no memory)"), "could not be forked (no memory)"),
    ],
)
def test_an_exit_says_how_a_worker_ended(seen: Exit, said: str) -> None:
    assert str(seen) == said


def test_records_are_values() -> None:
    span = Span("f", 1, 0.0, 0.5, 1, Verdict.VALUE)

    assert span == Span("f", 1, 0.0, 0.5, 1, Verdict.VALUE)
    with pytest.raises(AttributeError):
        span.worker = 2  # type: ignore[misc]  # that it cannot be set is the point


def test_a_span_knows_its_end_and_whether_it_returned() -> None:
    assert Span("f", 1, 2.0, 0.5, 1, Verdict.VALUE).ended == 2.5
    assert Span("f", 1, 2.0, 0.5, 1, Verdict.VALUE).ok
    assert not Span("f", 1, 2.0, 0.5, 1, Verdict.ERROR).ok


def test_a_settlement_tells_how_large_its_value_is_wherever_it_lies() -> None:
    assert Settlement(1, Verdict.VALUE, b"123").nbytes == 3
    assert Settlement(1, Verdict.VALUE, place=Place("segment", 2**20)).nbytes == 2**20


def test_a_shipment_is_no_pickle() -> None:
    table = Table((Module("a", b"edition", Form.TEXT, "/a.py", None, b"blob", 3, 4),))
    data = encode_record(Shipment(b"code", encode_record(table), (("numpy", "2.4"),)))

    assert not data.startswith(PICKLE)
    assert pickle.dumps(print, 5).startswith(PICKLE)
    assert decode_record(decode_record(data, Shipment).table, Table) == table


def test_a_reader_tells_where_a_frame_ends() -> None:
    frame = bytes(encode_frame([Fetch(b"blob")]))

    assert FrameReader.frame_bytes(frame + b"content") == len(frame)
    assert FrameReader.frame_bytes(frame[:-1]) is None
    assert FrameReader.frame_bytes(frame[:3]) is None
