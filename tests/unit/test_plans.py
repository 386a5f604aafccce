"""What the parameters of a function are given is found in annotations and defaults."""

import functools
from collections.abc import Callable
from typing import Annotated, Any

import pytest

import elsewhere
from elsewhere import Depends
from elsewhere.codec.values import dumps_by_value, loads
from elsewhere.inject.depends import Provided
from elsewhere.plans.annotations import TwoDependencies
from elsewhere.plans.injected import injected
from elsewhere.plans.plan import plan_of
from tests.unit import given

# Type checkers take a parameter that has no default to be missing.
call: Callable[..., Any] = elsewhere.call


def five() -> int:
    return 5


def annotated(x: int, m: Annotated[int, "about it", Depends(five)]) -> tuple[int, int]:
    return x, m


def by_default(x: int, m: int = Depends(five), *, n: int = Depends(five)) -> tuple[int, int, int]:
    return x, m, n


def first(m: Annotated[int, Depends(five)], x: int = 0) -> tuple[int, int]:
    return m, x


class Scorer:
    def __init__(self, base: Annotated[int, Depends(five)]) -> None:
        self.base = base

    def score(self, x: int, m: Annotated[int, Depends(five)]) -> tuple[int, int]:
        return x, m

    def __call__(self, x: int, m: Annotated[int, Depends(five)]) -> tuple[int, int]:
        return x, m


def wraps(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def gives_itself(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(x: int) -> Any:
        return function(x, 9)

    return wrapper


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "value"),
    [
        (annotated, (1,), {}, (1, 5)),
        (annotated, (1, 7), {}, (1, 7)),
        (annotated, (1,), {"m": 7}, (1, 7)),
        (by_default, (1,), {}, (1, 5, 5)),
        (by_default, (1, 2), {"n": 3}, (1, 2, 3)),
        (first, (), {"x": 2}, (5, 2)),
        (first, (1, 2), {}, (1, 2)),
        (functools.partial(annotated, 1), (), {}, (1, 5)),
        (functools.partial(annotated, 1), (7,), {}, (1, 7)),
        (functools.partial(annotated, m=8), (1,), {}, (1, 8)),
        (Scorer(1).score, (1,), {}, (1, 5)),
        (Scorer(1).score, (1, 7), {}, (1, 7)),
        (Scorer(1), (1,), {}, (1, 5)),
        (functools.partial(Scorer(1).score, 1), (), {}, (1, 5)),
        (functools.cache(annotated), (1,), {}, (1, 5)),
        (wraps(annotated), (1,), {}, (1, 5)),
        (wraps(annotated), (1, 7), {}, (1, 7)),
        (wraps(wraps(annotated)), (1,), {}, (1, 5)),
        (gives_itself(annotated), (1,), {}, (1, 9)),
        (elsewhere.task(annotated), (1,), {}, (1, 5)),
        (given.by_alias, (1,), {}, (1, 5)),
        (given.by_text, (1,), {}, (1, 6)),
    ],
)
def test_what_the_caller_does_not_give_is_given(
    function: Callable[..., Any], args: Any, kwargs: Any, value: object
) -> None:
    assert injected(function)(*args, **kwargs) == value
    assert call(function, *args, **kwargs) == value


def test_a_class_is_given_what_its_init_asks_for() -> None:
    assert call(Scorer).base == 5
    assert call(Scorer, 2).base == 2


def test_a_method_of_a_task_is_given_it_too() -> None:
    class Account:
        @elsewhere.task
        def balance(self, m: Annotated[int, Depends(five)]) -> int:
            return m

    assert Account().balance() == 5
    assert call(Account().balance) == 5


def test_functions_that_are_given_nothing_are_called_as_they_are() -> None:
    for function in (five, len, given.never_loaded, functools.partial(five), Scorer.__init__, int):
        if plan_of(function) is None:
            assert injected(function) is function
    assert plan_of(five) is None
    assert plan_of(given.never_loaded) is not None  # it may be; nobody knows
    assert injected(given.never_loaded)(3) == 3


def test_a_closure_knows_the_names_around_it() -> None:
    def provider() -> int:
        return 3

    def outer(x: int, m: "Annotated[int, Depends(provider)]") -> int:
        return x + m + provider()

    assert injected(outer)(1) == 7


def test_what_cannot_be_evaluated_is_not_given_and_the_error_says_why() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'm'") as caught:
        call(given.unknown, 1)
    (note,) = caught.value.__notes__
    assert note.startswith("'m' is not given by itself: its annotation 'Annotated[int, Depends(")
    assert note.endswith("cannot be evaluated: NameError: name 'unknown_provider' is not defined")
    assert call(given.unknown, 1, 2) == 3


def test_an_error_of_the_functions_own_is_not_explained() -> None:
    with pytest.raises(TypeError, match="unsupported operand") as caught:
        call(given.unknown, 1, None)
    assert not hasattr(caught.value, "__notes__")


def test_what_is_defined_later_is_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError):
        call(given.unknown, 1)
    monkeypatch.setattr(given, "unknown_provider", five, raising=False)
    assert call(given.unknown, 1) == 6


def test_a_name_in_an_annotation_may_come_to_mean_another_thing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert call(given.by_alias, 1) == (1, 5)
    monkeypatch.setattr(given, "Alias", Annotated[int, Depends(given.plain, 8)])
    assert call(given.by_alias, 1) == (1, 8)


def test_a_default_may_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    assert injected(by_default)(1) == (1, 5, 5)
    monkeypatch.setattr(by_default, "__defaults__", (6,))
    assert injected(by_default)(1) == (1, 6, 5)


def test_a_parameter_by_position_only_is_refused() -> None:
    def refused(x: int, m: Annotated[int, Depends(five)], /) -> int:
        return x + m

    with pytest.raises(TypeError, match=r"takes 'm' by position only.*move the /"):
        call(refused, 1)


def test_two_dependencies_of_one_parameter_are_refused() -> None:
    def refused(m: Annotated[int, Depends(five), Depends(given.plain)]) -> int:
        return m

    with pytest.raises(TwoDependencies, match="one parameter cannot be given two values"):
        call(refused)


def test_depends_takes_what_can_be_called_and_options_that_make_sense() -> None:
    with pytest.raises(TypeError, match="Depends takes a provider, which is called, not 3"):
        Depends(3)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(ValueError, match='scope must be "worker", "node" or "call", not \'task\''):
        Depends(five).options(scope="task")
    with pytest.raises(TypeError, match="idle_seconds must be a number"):
        Depends(five).options(idle_seconds="1")
    with pytest.raises(ValueError, match="idle_seconds must be at least 0"):
        Depends(five).options(idle_seconds=-1)
    assert repr(Depends(given.plain, 3)) == "Depends(tests.unit.given.plain, 3)"
    assert repr(Depends(five, n=3)) == f"Depends({__name__}.five, n=3)"


def test_a_function_that_travels_by_value_takes_what_it_is_given_along() -> None:
    space: dict[str, Any] = {"__name__": "__main__", "Annotated": Annotated, "Depends": Depends}
    exec("def provider(): return 4", space)
    exec("def inner(n, m: 'Annotated[int, Depends(provider)]'): return n + m", space)
    exec("def outer(x, m: 'Annotated[int, Depends(inner, 1)]'): return x + m", space)
    exec("def lost(x, m: 'Annotated[int, Depends(nobody)]'): return x + m", space)
    copy = loads(dumps_by_value(space["outer"], "outer"))
    assert "inner" not in copy.__globals__
    assert injected(copy)(1) == 6
    (one,) = plan_of(copy).given  # type: ignore[union-attr]  # it has one
    assert isinstance(one.dependency, Provided)
    with pytest.raises(TypeError) as caught:
        injected(loads(dumps_by_value(space["lost"], "lost")))(1)
    assert caught.value.__notes__[0].endswith("NameError: name 'nobody' is not defined")
