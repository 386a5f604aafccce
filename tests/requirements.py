"""Programs that a test needs and that not every machine has."""

import os

import pytest


def need(condition: object, what: str, command: str) -> None:
    """Go on if `condition` is true, else skip the test and name the command that installs `what`.

    With ELSEWHERE_TEST_ALL=1 in the environment nothing may be missing: the test fails instead.
    Works in a test, in a fixture and at the top of a test module.
    """
    if condition:
        return
    message = f"{what} is missing; to install it: {command}"
    if os.environ.get("ELSEWHERE_TEST_ALL") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message, allow_module_level=True)
