"""What the pages say can be followed, pasted and run."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.markdown import Snippet, anchors, broken_links, snippets
from tests.meta.tree import ROOT, documents


def python_of(text: str) -> list[Snippet]:
    return [snippet for snippet in snippets(text) if snippet.language in {"python", "py"}]


def syntax_errors(document: str, text: str) -> list[str]:
    wrong = [
        f"{document}:{snippet.line}: the fence is never closed"
        for snippet in snippets(text)
        if snippet.language == "never closed"
    ]
    for snippet in python_of(text):
        try:
            compile(snippet.text, document, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError as error:
            wrong.append(f"{document}:{snippet.line + (error.lineno or 1) - 1}: {error.msg}")
    return wrong


def run_first(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The first Python of a page, as a script in an empty folder."""
    script = folder / "first_example.py"
    script.write_text(python_of(text)[0].text, "utf-8")
    return subprocess.run(
        [sys.executable, script.name],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_there_are_pages() -> None:
    assert "README.md" in documents(ROOT)


def test_every_link_to_a_file_or_heading_leads_there() -> None:
    wrong = [finding for page in documents(ROOT) for finding in broken_links(ROOT, page)]
    assert not wrong, "\n".join(wrong)


def test_every_python_snippet_is_python() -> None:
    texts = {page: (ROOT / page).read_text("utf-8") for page in documents(ROOT)}
    wrong = [finding for page, text in texts.items() for finding in syntax_errors(page, text)]
    assert not wrong, "\n".join(wrong)


def test_the_first_example_of_the_readme_runs(tmp_path: Path) -> None:
    done = run_first((ROOT / "README.md").read_text("utf-8"), tmp_path)
    assert done.returncode == 0, done.stderr


PAGE = """
# A *title*, `twice`
# A title twice
[text](other.md#here) and [text](<other.md> "a title") and [far](https://example.org/x#y)
[gone](gone.md), [no heading](other.md#there), [own](#a-title-twice-1), [none](#none)
`[code](code.md)` and [up](../outside.md)

[by name]: lost.md
```text
[fenced](fenced.md)
```
"""


def test_broken_links_are_found(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.md").write_text("", "utf-8")
    (root / "other.md").write_text("## Here\n", "utf-8")
    (root / "page.md").write_text(PAGE, "utf-8")
    assert anchors(PAGE) == {"a-title-twice", "a-title-twice-1"}
    targets = [wrong.split(": ")[1].split(" ")[0] for wrong in broken_links(root, "page.md")]
    assert targets == ["gone.md", "other.md#there", "#none", "../outside.md", "lost.md"]


def test_wrong_python_is_found_with_its_line() -> None:
    text = "text\n\n```python\na = 1\nb =\n```\n- item\n\n  ```python\n  await f()\n  ```\n"
    assert syntax_errors("a.md", text) == ["a.md:5: invalid syntax"]
    assert syntax_errors("a.md", "```python\na = 1\n") == ["a.md:2: the fence is never closed"]


@pytest.mark.parametrize(("text", "status"), [("print(1)", 0), ("raise SystemExit(3)", 3)])
def test_only_the_first_python_of_a_page_is_run(tmp_path: Path, text: str, status: int) -> None:
    page = f"```sh\nexit 9\n```\n```python\n{text}\n```\n```python\nraise SystemExit(9)\n```\n"
    assert run_first(page, tmp_path).returncode == status
