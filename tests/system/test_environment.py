"""A function that needs what is not installed where it is to run fails before anything of it runs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from elsewhere import EnvironmentDiffers, Pool
from elsewhere.testing.nodes import PoolOfNodes
from tests.projects import BARE, Project, project_in
from tests.system.waiting import wait_until


def install(folder: Path, name: str, version: str) -> None:
    """A distribution with one module, as installers leave it."""
    described = folder / f"{name}-{version}.dist-info"
    described.mkdir(parents=True)
    (folder / f"{name}.py").write_text(f"VERSION = {version!r}\n")
    (described / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    (described / "RECORD").write_text(f"{name}.py,,\n{described.name}/METADATA,,\n")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project that needs two distributions: one, at the version 2.0, and one that it may need."""
    here = tmp_path / "here" / "site-packages"
    install(here, "shapes_of_things", "2.0")
    install(here, "colours_of_things", "1.5")
    monkeypatch.syspath_prepend(here)
    with project_in(tmp_path / "project") as project:
        project.write("needs_shapes.py", "from shapes_of_things import VERSION\n")
        project.write(
            "needs_things.py",
            """
            import needs_shapes

            def version():
                print("runs")
                return needs_shapes.VERSION

            def colour():
                import colours_of_things
                return colours_of_things.VERSION
            """,
        )
        yield project
        for name in ("shapes_of_things", "colours_of_things"):
            sys.modules.pop(name, None)


def nodes_with(folder: Path, environment: str = "strict", **versions: str) -> PoolOfNodes:
    """A node on which these versions are installed."""
    there = folder / "there" / "site-packages"
    there.mkdir(parents=True, exist_ok=True)
    for name, version in versions.items():
        install(there, name, version)
    return PoolOfNodes(1, path=[str(there), *BARE], environment=environment)


def test_the_same_version_is_fine(tmp_path: Path, project: Project) -> None:
    with nodes_with(tmp_path, shapes_of_things="2.0") as nodes:
        assert nodes.submit(project.load("needs_things").version).result() == "2.0"


def test_another_version_is_an_error_that_names_both(
    tmp_path: Path, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    with nodes_with(tmp_path, shapes_of_things="1.0") as nodes:
        future = nodes.submit(project.load("needs_things").version)
        with pytest.raises(
            EnvironmentDiffers, match=r"shapes_of_things 2\.0 is needed, there is 1\.0"
        ):
            future.result()
        error = future.exception()
    assert isinstance(error, EnvironmentDiffers)
    assert error.differing == (("shapes_of_things", "2.0", "1.0"),)
    assert "runs" not in capfd.readouterr().out


def test_so_is_one_that_is_missing_and_only_for_who_needs_it(
    tmp_path: Path, project: Project
) -> None:
    module = project.load("needs_things")
    with nodes_with(tmp_path, shapes_of_things="2.0") as nodes:
        with pytest.raises(
            EnvironmentDiffers, match=r"colours_of_things 1\.5 is needed, there is none"
        ):
            nodes.submit(module.colour).result()
        # Another function of the same module does not come to that import.
        assert nodes.submit(module.version).result() == "2.0"


def test_what_a_function_of_a_script_uses_counts_too(tmp_path: Path, project: Project) -> None:
    shapes = project.load("shapes_of_things")

    def version() -> str:
        return str(shapes.VERSION)

    with (
        nodes_with(tmp_path) as nodes,
        pytest.raises(EnvironmentDiffers, match=r"shapes_of_things 2\.0 is needed, there is none"),
    ):
        nodes.submit(version).result()


def test_it_may_be_a_warning(
    tmp_path: Path, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    def tells() -> bool:
        told.append(capfd.readouterr().err)
        return "shapes_of_things 2.0 is needed, there is 1.0" in "".join(told)

    with nodes_with(tmp_path, "warn", shapes_of_things="1.0") as nodes:
        assert nodes.submit(project.load("needs_things").version).result() == "1.0"
        wait_until(tells, "the warning appears")


def test_the_workers_of_this_machine_have_what_is_installed_here(project: Project) -> None:
    with Pool(1) as pool:
        assert pool.submit(project.load("needs_things").version).result() == "2.0"


def test_anything_else_is_refused() -> None:
    with pytest.raises(ValueError, match=r"environment must be .* not 'loose'"):
        Pool(1, environment="loose")
