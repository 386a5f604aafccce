"""Small installed distributions, each of one module, for the tests of what is imported and installed."""

from pathlib import Path
from zipfile import ZipFile


def install(folder: Path, name: str, text: str, version: str = "1.0") -> None:
    """Put module `name` with this text into `folder`, and beside it the description of a distribution."""
    (folder / f"{name}.py").write_text(text, "utf-8")
    described = folder / f"{name}-{version}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n", "utf-8")
    (described / "RECORD").write_text(f"{name}.py,,\n{described.name}/METADATA,,\n", "utf-8")


def make_wheel(folder: Path, name: str, text: str, version: str = "1.0") -> Path:
    """A wheel of one module with this text, from which it can be installed."""
    described = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": text,
        f"{described}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{described}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    recorded = "".join(f"{path},,\n" for path in (*files, f"{described}/RECORD"))
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with ZipFile(path, "w") as wheel:
        for inner, content in (*files.items(), (f"{described}/RECORD", recorded)):
            wheel.writestr(inner, content)
    return path
