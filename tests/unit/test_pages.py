"""What is written into a page stays what it is."""

import json

import pytest

from elsewhere.pages import byte_text, fill_in, script_json


def test_a_value_that_looks_like_a_marker_stays_what_it_is() -> None:
    assert fill_in("{{a}} {{b}} {{a}}", {"a": "{{b}}", "b": "2"}) == "{{b}} 2 {{b}}"


def test_a_marker_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="c"):
        fill_in("{{c}}", {"a": "1"})


def test_data_cannot_end_its_script() -> None:
    value = ["</script>", "<!--", "\u2028", "ü", "\ud800"]
    text = script_json(value)
    assert "<" not in text
    assert text.isascii()
    assert json.loads(text) == value


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1024, "1.0 KiB"),
        (3 * 2**20 // 2, "1.5 MiB"),
        (5 * 2**40, "5.0 TiB"),
        (5000 * 2**40, "5,000.0 TiB"),
    ],
)
def test_sizes_are_readable(count: int, text: str) -> None:
    assert byte_text(count) == text
