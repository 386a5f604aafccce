"""What the node imports of what calls have imported, once its trial has gone well."""

from select import poll

import pytest

from elsewhere.node import preload
from elsewhere.node.control import Refused
from elsewhere.node.preload import LIGHT_SECONDS, Preloading
from elsewhere.node.trial import Tried

HEAVY = Tried("heavy", ["heavy"], seconds=2 * LIGHT_SECONDS)
LIGHT = Tried("light", ["light"], seconds=LIGHT_SECONDS / 2)
CHANGING = Tried("light", ["light"], variables=("V",), seconds=LIGHT_SECONDS / 2)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def load(modules: list[str]) -> str:
        names.extend(modules)
        return ""

    monkeypatch.setattr(preload, "load", load)
    return names


@pytest.fixture
def refused() -> list[Refused]:
    return []


@pytest.fixture
def preloading(refused: list[Refused]) -> Preloading:
    return Preloading(refused.append, lambda: None, poll(), [])


def test_light_packages_are_left_until_a_worker_has_ended(
    preloading: Preloading, loaded: list[str]
) -> None:
    preloading.accept([HEAVY, LIGHT])
    preloading.load()
    assert loaded == ["heavy"]

    preloading.worker_ended()
    preloading.load()
    assert loaded == ["heavy", "light"]


def test_one_that_changes_the_environment_is_there_for_those_that_are_judged_by_that(
    preloading: Preloading, loaded: list[str], refused: list[Refused]
) -> None:
    preloading.expect_changed(["V"])
    preloading.accept([HEAVY, CHANGING])
    preloading.load()

    assert loaded == ["heavy", "light"]
    assert not refused
