"""A lost value is asked for once, by whichever of its futures comes first."""

from elsewhere.sought import Sought


def test_all_futures_of_a_value_share_the_first_until_it_is_there() -> None:
    sought: Sought[str] = Sought()
    shared: list[str] = []

    def share(future: str) -> str:
        shared.append(future)
        return future

    assert sought.seek(1, "first", share) == "first"
    assert sought.seek(1, "second", share) == "first"
    assert sought.seek(2, "other", share) == "other"
    assert sought.found(1) == "first"
    assert sought.found(1) is None
    assert sought.seek(1, "third", share) == "third"
    assert shared == ["first", "first", "other", "third"]


def test_what_was_shared_before_is_not_asked_for_again() -> None:
    sought: Sought[str] = Sought()

    assert sought.seek(1, "mine", lambda future: "what it has already") == "what it has already"

    assert sought.found(1) is None
