"""What the pages show as whole scripts runs as it stands."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.markdown import Snippet, snippets
from tests.meta.tree import ROOT

PAGES = (
    "README.md",
    "docs/pool.md",
    "docs/nested.md",
    "docs/resources.md",
    "docs/environments.md",
    "docs/chunked.md",
    "docs/store.md",
    "docs/keys.md",
    "docs/timeline.md",
)
SCRIPTS = [
    pytest.param(snippet, id=f"{page} line {snippet.line}")
    for page in PAGES
    for snippet in snippets((ROOT / page).read_text("utf-8"))
    if snippet.language == "python"
]


@pytest.mark.parametrize("snippet", SCRIPTS)
def test_an_example_runs(snippet: Snippet, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(snippet.text, "utf-8")
    done = subprocess.run(
        [sys.executable, script.name],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_page_has_examples() -> None:
    texts = [snippets((ROOT / page).read_text("utf-8")) for page in PAGES]
    assert all(any(snippet.language == "python" for snippet in page) for page in texts)
