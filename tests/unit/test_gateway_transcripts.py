"""The gateway says what the transcripts say."""

from pathlib import Path

import pytest

from tests.unit.transcript import play, transcripts


@pytest.mark.parametrize("path", transcripts(), ids=lambda path: path.stem)
def test_the_gateway_says_what_the_transcript_says(path: Path) -> None:
    told = path.read_text()

    assert play(told) == told, "if it is meant to: python -m tests.unit.transcript --rewrite"


def test_around_ten_scenarios_are_told() -> None:
    assert len(transcripts()) >= 10
