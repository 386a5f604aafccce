"""A test that needs what is missing skips and says how to get it, or fails where all must run."""

from contextlib import suppress

import pytest

from tests.requirements import need

SAYS = r"^chromium is missing; to install it: apt-get install chromium$"


def test_what_is_there_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELSEWHERE_TEST_ALL", "1")
    passed = False
    with suppress(pytest.skip.Exception, pytest.fail.Exception):
        need("/usr/bin/chromium", "chromium", "apt-get install chromium")
        passed = True
    assert passed


def test_what_is_missing_skips_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELSEWHERE_TEST_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match=SAYS):
        need(None, "chromium", "apt-get install chromium")


def test_what_is_missing_fails_where_all_tests_have_to_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ELSEWHERE_TEST_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match=SAYS):
        need(False, "chromium", "apt-get install chromium")
