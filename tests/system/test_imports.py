"""`import elsewhere` is light, and only what is used is imported."""

import json
import sys

import elsewhere
from tests.system.clients import run_python

THIRD_PARTIES = ["cloudpickle", "greenlet", "ipywidgets", "msgspec", "psutil", "rich"]


def imported_by(program: str) -> set[str]:
    """The top-level modules that `program` has imported at its end."""
    ended = run_python("-c", f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))")
    assert ended.returncode == 0, ended.stderr
    return {name.partition(".")[0] for name in json.loads(ended.stdout.splitlines()[-1])}


def test_the_package_imports_no_third_party() -> None:
    added = imported_by("import elsewhere") - imported_by("")

    outside = added - set(sys.stdlib_module_names) - {"elsewhere"}
    # What a site-packages folder starts in every interpreter was there before.
    assert outside == set()
    heavy = {"asyncio", "concurrent", "multiprocessing", "subprocess", "logging", "inspect"}
    assert not added & heavy


def test_a_pool_that_runs_importable_functions_needs_only_the_codec_of_messages() -> None:
    program = """
from elsewhere import Pool
with Pool(2) as pool:
    pool.submit(pow, 2, 3).result()
    list(pool.map(abs, range(10)))
"""
    added = imported_by(program) - imported_by("")

    assert added & set(THIRD_PARTIES) == {"msgspec"}
    assert not added & {
        "asyncio", "dataclasses", "hashlib", "multiprocessing", "subprocess", "numpy",
    }  # fmt: skip


def test_workers_import_only_what_calls_need() -> None:
    program = """
import sys
from elsewhere import Pool
with Pool(1) as pool:
    names = pool.submit(eval, "sorted(__import__('sys').modules)").result()
for name in names:
    sys.modules.setdefault("worker_" + name.partition(".")[0], sys)
"""
    added = {name.removeprefix("worker_") for name in imported_by(program) if "worker_" in name}

    assert added & set(THIRD_PARTIES) == {"greenlet", "msgspec"}
    # The node imports what workers import before it can start one.
    assert not added & {"dataclasses", "shutil", "tempfile"}


def test_a_function_that_is_sent_by_value_brings_no_third_party_along() -> None:
    program = """
from elsewhere import Pool
size = 2
def loaded(names):
    import math, sys
    return math.prod([size, 3]), sys.modules.keys() & names
with Pool(1) as pool:
    print(pool.submit(loaded, {"cloudpickle", "dataclasses", "logging"}).result())
"""
    ended = run_python("-c", program)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "(6, set())\n"


def test_what_a_function_is_given_is_named_by_the_client() -> None:
    program = """
from elsewhere import Depends, Pool
def provide(): return 3
def loaded(names, given=Depends(provide)):
    import sys
    return given, sys.modules.keys() & names
with Pool(1) as pool:
    print(pool.submit(loaded, {"elsewhere.keys", "email", "hashlib", "json"}).result())
    (made,) = pool.resources()
    print(made.uses)
"""
    ended = run_python("-c", program)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "(3, set())\n1\n"


def test_names_are_there_when_they_are_asked_for() -> None:
    assert set(elsewhere.__all__) <= set(dir(elsewhere))
    for name in elsewhere.__all__:
        assert getattr(elsewhere, name) is not None
