"""Blobs are written once, whoever wants them, and are what their name says."""

import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from elsewhere.blobs.address import listen
from elsewhere.blobs.folder import BlobFolder
from elsewhere.blobs.peers import NotServed, blob_name, fetch, file_name, serve
from elsewhere.calls.blobs import Length
from elsewhere.calls.wire import encode_frame
from elsewhere.segments.directory import make_directory, remove_directory
from elsewhere.shipping.stock import Stock, state_of

CONTENT = os.urandom(3 * 2**20 + 17)
NAME = blob_name(CONTENT)


@pytest.fixture
def directory() -> Iterator[str]:
    path = make_directory()
    yield path
    remove_directory(path)
    assert not os.path.exists(path)


@contextmanager
def serving(address: Path, answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A peer who answers as it likes."""
    listener = listen(str(address))

    def accept() -> None:
        peer, _ = listener.accept()
        answer(peer)

    thread = threading.Thread(target=accept)
    thread.start()
    yield str(address)
    thread.join()
    listener.close()


def written(path: Path, address: str) -> bytes:
    with path.open("wb") as file:
        fetch(address, NAME, file.fileno())
    return path.read_bytes()


@pytest.mark.parametrize("content", [b"", b"x", CONTENT])
def test_a_blob_gets_from_peer_to_peer(tmp_path: Path, content: bytes) -> None:
    stock = Stock()
    name = stock.add_content(content)
    with (
        serving(tmp_path / "s", lambda peer: serve(peer, stock.open)) as address,
        (tmp_path / "got").open("wb") as file,
    ):
        fetch(address, name, file.fileno())
    assert (tmp_path / "got").read_bytes() == content


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    with path.open("rb") as file:
        assert file_name(file.fileno()) == NAME


def test_another_content_is_refused(tmp_path: Path) -> None:
    def lie(peer: socket.socket) -> None:
        with peer:
            peer.recv(4096)
            peer.sendall(encode_frame([Length(3)]) + b"lie")

    with (
        serving(tmp_path / "s", lie) as address,
        pytest.raises(NotServed, match="another content"),
    ):
        written(tmp_path / "got", address)


@pytest.mark.parametrize(
    "said", [b"", encode_frame([Length(9)]) + b"half", b"\x03" + bytes(7) + b"..."]
)
def test_one_who_stops_or_says_nonsense_is_no_source(tmp_path: Path, said: bytes) -> None:
    def stop(peer: socket.socket) -> None:
        with peer:
            peer.recv(4096)
            peer.sendall(said)

    with serving(tmp_path / "s", stop) as address, pytest.raises(NotServed, match="s: "):
        written(tmp_path / "got", address)


def test_nor_is_one_who_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotServed, match="nowhere"):
        written(tmp_path / "got", str(tmp_path / "nowhere"))


def test_who_does_not_have_it_says_why(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "s", lambda peer: serve(peer, Stock().open)) as address,
        pytest.raises(NotServed, match="does not have it"),
    ):
        written(tmp_path / "got", address)


def test_who_asks_for_nothing_is_left(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "s", lambda peer: serve(peer, Stock().open)) as address,
        socket.socket(socket.AF_UNIX) as peer,
    ):
        peer.connect(address)
        peer.shutdown(socket.SHUT_WR)
        assert peer.recv(1) == b""


def test_an_address_may_be_long_and_one_of_a_process_that_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 50)
    folder.mkdir()
    listen(str(folder / "s")).close()
    stock = Stock()
    stock.add_content(CONTENT)
    with serving(folder / "s", lambda peer: serve(peer, stock.open)) as address:
        assert written(tmp_path / "got", address) == CONTENT


def test_of_many_one_brings_a_blob(directory: str) -> None:
    begun = threading.Barrier(8, timeout=30)
    writes: list[int] = []

    def write(file: int) -> None:
        writes.append(file)
        os.write(file, b"content")

    def bring(_: int) -> tuple[str, bool]:
        begun.wait()
        return BlobFolder(directory).bring(b"name", write)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(bring, range(8)))
    assert len(writes) == 1
    assert [brought for _, brought in found].count(True) == 1
    ((path,),) = {(path,) for path, _ in found}
    assert Path(path).read_bytes() == b"content"
    assert stat.S_IMODE(os.stat(path).st_mode) == stat.S_IRUSR


def test_what_failed_is_brought_by_the_next(directory: str) -> None:
    def fail(file: int) -> None:
        os.write(file, b"half of something longer")
        raise NotServed("it stopped")

    with pytest.raises(NotServed):
        BlobFolder(directory).bring(b"name", fail)

    def succeed(file: int) -> None:
        os.write(file, b"it")

    path, brought = BlobFolder(directory).bring(b"name", succeed)
    assert brought
    assert Path(path).read_bytes() == b"it"


def test_a_stock_supplies_a_file_only_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    stock = Stock()
    stock.add_file(NAME, str(path), state_of(str(path)))
    os.close(stock.open(NAME))
    path.write_bytes(b"edited")
    with pytest.raises(NotServed, match="was edited"):
        stock.check(NAME)
    path.unlink()
    with pytest.raises(NotServed, match="cannot be read any more"):
        stock.open(NAME)
