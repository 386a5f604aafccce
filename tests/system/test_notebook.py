"""The pool in a notebook: functions of cells, redefinitions, interrupts, output, progress."""

from collections.abc import Iterator

import pytest

from tests.requirements import need
from tests.system.clients import environment

try:
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    import_error = None
except ImportError as error:
    import_error = error

need(import_error is None, "nbclient with ipykernel", "pip install nbclient ipykernel")

Outputs = list[dict[str, object]]


class Notebook:
    """A kernel, and cells that it runs one after another."""

    def __init__(self, client: "NotebookClient") -> None:
        self._client = client

    def run(self, source: str) -> str:
        """Run a cell; what it shows, values and errors included."""
        cell = new_code_cell(source)  # type: ignore[no-untyped-call]  # half typed
        self._client.nb.cells.append(cell)
        self._client.execute_cell(cell, len(self._client.nb.cells) - 1)
        shown = []
        for output in cell.outputs:
            if output.output_type == "stream":
                shown.append(output.text)
            elif output.output_type == "error":
                shown.append(f"{output.ename}: {output.evalue}\n")
            else:
                shown.append(output.data["text/plain"] + "\n")
        return "".join(shown)


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    empty = new_notebook()  # type: ignore[no-untyped-call]  # half typed
    client = NotebookClient(empty, kernel_name="python3", timeout=60, allow_errors=True)
    # The transport that needs no ports.
    client.create_kernel_manager().transport = "ipc"
    with client.setup_kernel(env=environment()):
        notebook = Notebook(client)
        notebook.run(
            "import os, signal, threading, time\nfrom elsewhere import Pool\npool = Pool(2)"
        )
        yield notebook
        notebook.run("pool.shutdown()")


def test_functions_of_a_cell(notebook: Notebook) -> None:
    said = notebook.run("def f(x): return x + 1\nlist(pool.map(f, range(3)))")

    assert said == "[1, 2, 3]\n"


def test_a_function_redefined_in_a_later_cell_is_the_new_one(notebook: Notebook) -> None:
    notebook.run("def f(): return 'old'\ndef g(): return f()")
    assert notebook.run("pool.submit(g).result()") == "'old'\n"
    notebook.run("def f(): return 'new'")
    assert notebook.run("pool.submit(f).result(), pool.submit(g).result()") == "('new', 'new')\n"


def test_a_class_of_a_cell_is_the_same_class_when_it_returns(notebook: Notebook) -> None:
    notebook.run("class Box:\n    def __init__(self, n): self.n = n")

    assert notebook.run("isinstance(pool.submit(Box, 3).result(), Box)") == "True\n"


def test_a_future_is_awaited_in_a_cell(notebook: Notebook) -> None:
    assert notebook.run("await pool.submit(pow, 2, 5)") == "32\n"


def test_output_of_calls_is_shown_in_the_cell(notebook: Notebook) -> None:
    assert notebook.run("pool.submit(print, 'from a worker').result()") == "from a worker\n"


def test_an_error_shows_what_was_raised(notebook: Notebook) -> None:
    said = notebook.run("def fail(): return {}['key']\npool.submit(fail).result()")

    assert said == "KeyError: 'key'\n"


def test_an_interrupted_cell_ends_and_the_pool_works_on(notebook: Notebook) -> None:
    said = notebook.run(
        "pool.submit(abs, -1).result()\n"
        "timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))\n"
        "timer.start()\n"
        "list(pool.map(time.sleep, [60] * 10))"
    )
    assert said == "KeyboardInterrupt: \n"

    assert notebook.run("list(pool.map(abs, [-1, -2]))") == "[1, 2]\n"


def test_progress_is_shown_in_the_cell(notebook: Notebook) -> None:
    said = notebook.run("list(pool.map(abs, range(100), progress='absolute'))[-1]")

    assert "absolute" in said
    assert "100/100" in said
    assert said.endswith("99\n")
