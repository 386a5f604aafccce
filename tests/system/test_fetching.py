"""A large file goes from node to node: each gets it once, and nobody hands it to many."""

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

import elsewhere
from elsewhere import DataFile, FileChanged
from elsewhere.calls.blobs import PEERS_MAX
from elsewhere.shipping import stock
from elsewhere.testing.nodes import PoolOfNodes
from tests.projects import BARE
from tests.system.waiting import wait_until

MEBIBYTE = 2**20


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(32 * MEBIBYTE))
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """How often the client has opened each blob to send it."""
    counts: Counter[bytes] = Counter()
    open_blob = stock.STOCK.open

    def open_and_count(name: bytes) -> int:
        counts[name] += 1
        return open_blob(name)

    monkeypatch.setattr(stock.STOCK, "open", open_and_count)
    return counts


def size(file: DataFile) -> tuple[int, int]:
    """The node, and what it has of a file."""
    return os.getppid(), os.stat(file).st_size


def spread(nodes: PoolOfNodes, file: DataFile, count: int) -> None:
    """Have a call read the file on each node."""
    seen: dict[int, int] = {}

    def all_have_it() -> bool:
        seen.update(
            future.result() for future in [nodes.submit(size, file) for _ in range(4 * count)]
        )
        return len(seen) == count

    wait_until(all_have_it, "every node has the file")
    assert set(seen.values()) == {32 * MEBIBYTE}


def test_two_nodes_get_it_once_each(large: Path, opened: Counter[bytes]) -> None:
    file = elsewhere.file(large)
    with PoolOfNodes(2, 2, path=BARE) as nodes:
        spread(nodes, file, 2)
        sources = nodes.sources.blobs[file.name].sources
        assert sum(source.peers for source in sources.values()) == 2
        assert len(sources) == 3
    assert opened[file.name] <= 2


def test_of_eight_nodes_nobody_hands_it_to_many(large: Path, opened: Counter[bytes]) -> None:
    file = elsewhere.file(large)
    with PoolOfNodes(8, path=BARE) as nodes:
        spread(nodes, file, 8)
        sources = nodes.sources.blobs[file.name].sources
        assert max(source.peers for source in sources.values()) <= PEERS_MAX
        assert sum(source.peers for source in sources.values()) == 8
    assert 1 <= opened[file.name] <= PEERS_MAX


def test_it_is_had_from_another_node_once_it_is_gone_here(large: Path) -> None:
    file = elsewhere.file(large)
    with PoolOfNodes(3, path=BARE) as nodes:
        nodes.submit(size, file).result()
        futures = [nodes.submit(size, file) for _ in range(12)]
        large.write_bytes(b"edited")
        errors = [error for future in futures if (error := future.exception()) is not None]
    # Whoever was told to fetch it here finds another content, and then another source.
    assert not errors


def test_a_file_that_nobody_has_any_more_is_an_error(large: Path) -> None:
    file = elsewhere.file(large)
    with PoolOfNodes(1, path=BARE) as nodes:
        nodes.submit(abs, -1).result()
        assert file.name
        large.unlink()
        error = nodes.submit(size, _copy(file)).exception()
    assert isinstance(error, FileChanged)
    assert "large cannot be read any more" in str(error)


def _copy(file: DataFile) -> DataFile:
    """As it arrives with a call, so that it can be sent on without a look at the file."""
    function, arguments = file.__reduce__()
    copied: DataFile = function(*arguments)
    return copied


def test_a_worker_that_dies_while_it_fetches_leaves_it_to_the_next(large: Path) -> None:
    file = elsewhere.file(large)
    with PoolOfNodes(1, 2, path=BARE) as nodes:
        workers = {nodes.submit(os.getpid).result() for _ in range(20)}
        fetching = [nodes.submit(size, file) for _ in range(2)]
        wait_until(lambda: file.name in nodes.sources.blobs, "the file is sought")
        os.kill(workers.pop(), signal.SIGKILL)
        assert [future.result()[1] for future in fetching] == [32 * MEBIBYTE] * 2
