"""The pool of this tutorial: two workers, made anew for each page of it."""

from collections.abc import Iterator

import pytest

from elsewhere import Pool


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(2) as pool:
        yield pool
