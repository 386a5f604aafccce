"""Printing: what calls print appears here, in whole lines."""

import sys

import pytest

from elsewhere import Pool


def test_print_in_a_call_prints_here(pool: Pool, capsys: pytest.CaptureFixture[str]) -> None:
    pool.submit(print, "hello from elsewhere").result()
    assert capsys.readouterr().out == "hello from elsewhere\n"


def test_lines_of_different_calls_do_not_mix(
    pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    def spell(word: str) -> None:
        for letter in word:
            print(letter, end="")
        print()

    list(pool.map(spell, ["banana", "cherry"] * 50))
    assert set(capsys.readouterr().out.split()) == {"banana", "cherry"}


def test_standard_error_stays_standard_error(
    pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    def complain() -> None:
        print("oh dear", file=sys.stderr)

    pool.submit(complain).result()
    assert capsys.readouterr().err == "oh dear\n"
