"""Small installed distributions, each of one module, for the tests of what is imported and installed."""

from pathlib import Path


def install(folder: Path, name: str, text: str, version: str = "1.0") -> None:
    """Put module `name` with this text into `folder`, and beside it the description of a distribution."""
    (folder / f"{name}.py").write_text(text, "utf-8")
    described = folder / f"{name}-{version}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n", "utf-8")
    (described / "RECORD").write_text(f"{name}.py,,\n{described.name}/METADATA,,\n", "utf-8")
