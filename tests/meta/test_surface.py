"""What users import is what we meant to offer."""

import subprocess
import sys
from importlib import import_module

import pytest

import elsewhere

# Every public name. A name that is added or removed is added or removed here too.
SURFACE = [
    "CallInterrupted",
    "CallQuarantined",
    "CallTimeout",
    "Chunked",
    "CircularCall",
    "DataFile",
    "DataLost",
    "Depends",
    "ElsewhereError",
    "EnvironmentDiffers",
    "EnvironmentWarning",
    "FileChanged",
    "Future",
    "InitializerFailed",
    "NoKey",
    "NotInstalled",
    "NotPicklable",
    "PlacementError",
    "Pool",
    "RemoteError",
    "RemoteTraceback",
    "ResourceLimits",
    "Span",
    "StoreDamaged",
    "StoreError",
    "Task",
    "Timeline",
    "WorkerLost",
    "__version__",
    "as_completed",
    "call",
    "file",
    "gather",
    "map",
    "spawn",
    "task",
    "why",
]


def test_the_surface_is_this_list() -> None:
    assert sorted(elsewhere.__all__) == sorted(SURFACE)


def test_every_public_name_but_the_version_is_loaded_on_first_use() -> None:
    assert {*elsewhere._HOME, "__version__"} == set(elsewhere.__all__)
    assert not {*elsewhere._HOME} & names_after_import()


@pytest.mark.parametrize("name", SURFACE)
def test_a_public_name_is_there_and_is_the_one_of_its_module(name: str) -> None:
    home = elsewhere._HOME.get(name, "elsewhere")
    assert getattr(elsewhere, name) is getattr(import_module(home), name)
    assert name in dir(elsewhere)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        elsewhere.no_such_name  # noqa: B018  reading it is the test


def names_after_import() -> set[str]:
    command = "import elsewhere; print(*vars(elsewhere))"
    printed = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    ).stdout
    return set(printed.split())
