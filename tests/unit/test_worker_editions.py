"""In a worker, code finds the modules of its own table, and those of others are kept meanwhile."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from weakref import ref

import pytest

from elsewhere.blobs.peers import NotServed
from elsewhere.calls.shipment import Form, Module, Shipment, Table
from elsewhere.calls.wire import encode_record
from elsewhere.codec.values import dumps, loads
from elsewhere.worker.editions import WorkerEditions
from tests.projects import Project, project_in


class Worker:
    """The editions of a worker that has blobs by name, and the functions that it was sent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.editions = WorkerEditions(self.path_of)
        self.known: dict[int, object] = {}

    def path_of(self, blob: bytes) -> str:
        path = self.folder / blob.hex()
        if not path.exists():
            raise NotServed("nobody has it")
        return str(path)

    def module(self, name: str, text: str | None = "", *, package: bool = False) -> Module:
        """An edition of a module, whose content is there unless `text` is None."""
        blob = repr((name, text)).encode()[-40:]
        if text is not None:
            (self.folder / blob.hex()).write_text(text)
        folders = ("/nowhere",) if package else None
        return Module(name, blob, Form.TEXT, f"/nowhere/{name}.py", folders, blob)

    def send(self, number: int, name: str, *modules: Module) -> object:
        """Decode a function that is imported as ``module:name``."""
        module, _, function = name.partition(":")
        code = f"c{module}\n{function}\n.".encode()
        self.known[number] = b"code"
        table = encode_record(Table(modules))
        pickled = b"\x80\x05" + code
        decoded = self.editions.decode(
            encode_record(Shipment(pickled, table)) if modules else pickled
        )
        self.known[number] = decoded
        self.editions.note(number, self.known)
        return decoded

    def run(self, number: int) -> object:
        """Call a function, as when control is given to a call of it."""
        self.editions.enter(self.editions.table_of(number, self.known))
        function = self.known[number]
        assert callable(function)
        return function()

    def forget(self, number: int) -> None:
        del self.known[number]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    (tmp_path / "blobs").mkdir()
    before = dict(sys.modules)
    worker = Worker(tmp_path / "blobs")
    yield worker
    worker.editions.enter(worker.editions.none)
    if worker.editions.used:
        sys.meta_path.remove(worker.editions)
    for name in sys.modules.keys() - before.keys():
        del sys.modules[name]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_in(tmp_path / "project") as project:
        yield project


READS = "import ed_low\ndef f():\n    import ed_low as again\n    return ed_low.X, again.X\n"


def test_two_editions_stand_beside_each_other(worker: Worker) -> None:
    for number, value in ((1, "old"), (2, "new")):
        low = worker.module("ed_low", f"X = {value!r}")
        high = worker.module("ed_high", f"{READS}# {value}")
        worker.send(number, "ed_high:f", low, high)
    for number, value in ((1, "old"), (2, "new"), (1, "old")):
        assert worker.run(number) == (value, value)


def test_what_both_tables_have_is_loaded_once(worker: Worker) -> None:
    low = worker.module("ed_low", "X = object()")
    high = worker.module("ed_high", READS)
    apart = worker.module("ed_apart", "def f():\n    return 1")
    worker.send(1, "ed_high:f", low, high)
    first = worker.run(1)
    # Another table, and between the two one that has none of it.
    worker.send(2, "builtins:dict")
    assert worker.run(2) == {}
    assert "ed_low" not in sys.modules
    worker.send(3, "ed_apart:f", low, high, apart)
    assert worker.run(3) == 1
    assert sys.modules["ed_low"].X is first[0] == worker.run(1)[0]  # type: ignore[index]  # a pair


def test_a_package_has_the_modules_of_the_table_in_force(worker: Worker) -> None:
    package = worker.module("ed_pack", "", package=True)
    reads = (
        "import ed_pack\nfrom ed_pack import inner\ndef f():\n    return ed_pack.inner.X, inner.X\n"
    )
    for number in (1, 2):
        inner = worker.module("ed_pack.inner", f"X = {number}")
        top = worker.module("ed_top", f"{reads}# {number}")
        worker.send(number, "ed_top:f", package, inner, top)
    loaded = sys.modules["ed_pack"]
    for number in (1, 2, 1):
        assert worker.run(number) == (number, number)
        assert sys.modules["ed_pack"] is loaded


def test_what_was_imported_before_there_was_a_table_comes_back(
    worker: Worker, project: Project
) -> None:
    project.write("ed_native.py", "def f():\n    return 'from its file'\n")
    worker.send(1, "ed_native:f")
    native = sys.modules["ed_native"]
    worker.send(2, "ed_native:f", worker.module("ed_native", "def f():\n    return 'sent'\n"))
    assert worker.run(2) == "sent"
    assert worker.run(1) == "from its file"
    assert sys.modules["ed_native"] is native


def test_modules_go_with_the_last_function_that_needs_them(
    worker: Worker, project: Project
) -> None:
    project.write("ed_gone.py", "def f():\n    return 0\n")
    kept: list[ref[ModuleType]] = []
    for number in range(1, 4):
        sent = [worker.module("ed_gone", f"def f():\n    return {number}\n")] if number > 1 else []
        worker.send(number, "ed_gone:f", *sent)
        kept.append(ref(sys.modules["ed_gone"]))
    assert all(module() is not None for module in kept)
    worker.forget(1)
    worker.forget(2)
    worker.send(5, "ed_gone:f", worker.module("ed_gone", "def f():\n    return 5\n"))
    gc.collect()
    assert [module() is not None for module in kept] == [False, False, True]
    assert worker.run(3) == 3


def test_a_thread_of_a_call_has_its_own_for_as_long_as_it_is_lent_them(worker: Worker) -> None:
    for number in (1, 2):
        worker.send(number, "ed_low:f", worker.module("ed_low", f"def f():\n    return {number}"))
    with worker.editions.lent(1, worker.known):
        assert sys.modules["ed_low"].f() == 1
    assert sys.modules["ed_low"].f() == 2


def test_what_a_worker_was_sent_it_sends_along(worker: Worker) -> None:
    assert worker.editions.pack(print, b"\x80code") == b"\x80code"
    worker.send(1, "ed_low:f", worker.module("ed_low", "def f():\n    return 'sent on'\n"))
    again = worker.editions.pack(sys.modules["ed_low"].f, dumps(sys.modules["ed_low"].f, "f"))
    worker.editions.enter(worker.editions.none)
    assert worker.editions.decode(again)() == "sent on"


def test_a_content_that_is_nowhere_to_be_had_is_an_import_error(worker: Worker) -> None:
    with pytest.raises(ImportError, match="its content is not to be had: nobody has it"):
        worker.send(1, "ed_lost:f", worker.module("ed_lost", None))


def test_a_function_that_needs_nothing_is_as_it_came(worker: Worker) -> None:
    assert worker.editions.decode(dumps(loads, "f")) is loads
    assert worker.editions not in sys.meta_path
