"""Packages: which files are in, and the same bytes each time."""

import zipfile
from pathlib import Path

import pytest

from tapwater_server.cli.aws.building import Builder
from tapwater_server.cli.aws.files import files_of, zip_files
from tapwater_server.cli.aws.machines import Machine, fitted, read_machine
from tapwater_server.cli.aws.project import Package, Shape
from tapwater_server.cli.failures import CommandFailed


def write(folder: Path, *names: str, text: str = "x") -> Path:
    """Make files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def package(source: Path, *, runtime: str = "nodejs20.x", build: str = "") -> Package:
    """Describe a package of a folder."""
    return Package(
        resource="F",
        property="CodeUri",
        shape=Shape.SAM,
        source=source,
        runtime=runtime,
        handler="a.b",
        build=build,
    )


def test_what_is_nobodys_code_is_left_out(tmp_path: Path) -> None:
    folder = write(
        tmp_path, "a.py", ".git/x", "__pycache__/a.pyc", "node_modules/m/i.js", ".env", "lib/b.py"
    )
    assert sorted(files_of(folder)) == ["a.py", "lib/b.py", "node_modules/m/i.js"]
    write(folder, ".tapwaterignore", text="lib/\n!.env\n")
    assert sorted(files_of(folder)) == [".env", "a.py", "node_modules/m/i.js"]


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (("!tests/**",), ["a.py", "big.bin"]),
        (("!tests/**", "tests/data.json"), ["a.py", "big.bin"]),
        (("!**", "a.py"), ["a.py"]),
        (("!*.bin", "!tests/**"), ["a.py"]),
    ],
)
def test_patterns_of_serverless(tmp_path: Path, patterns: tuple[str, ...], left: list[str]) -> None:
    folder = write(tmp_path, "a.py", "big.bin", "tests/t.py")
    assert sorted(files_of(folder, patterns=patterns)) == left


def test_links_to_folders_are_followed_and_not_for_ever(tmp_path: Path) -> None:
    folder = write(tmp_path / "src", "a.js")
    write(tmp_path / "shared", "b.js")
    (folder / "shared").symlink_to(tmp_path / "shared")
    (folder / "again").symlink_to(folder)
    assert sorted(files_of(folder)) == ["a.js", "shared/b.js"]


def test_the_same_files_are_the_same_bytes(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1", "a", "b/c"), write(tmp_path / "2", "b/c", "a")
    (one / "a").chmod(0o755)
    (two / "a").chmod(0o700)
    first = zip_files(files_of(one), tmp_path)
    second = zip_files(files_of(two), tmp_path)
    assert first.digest == second.digest
    with zipfile.ZipFile(first.file) as packed:
        assert packed.namelist() == ["a", "b/c"]
        assert packed.getinfo("a").external_attr >> 16 == 0o100755


def test_a_package_is_built_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "src", "a.js")
    builder = Builder(tmp_path)
    assert builder.build(package(folder)) is builder.build(package(folder))


def test_node_wants_its_modules(tmp_path: Path) -> None:
    folder = write(tmp_path / "src", "a.js")
    write(folder, "package.json", text='{"dependencies": {"left-pad": "1"}}')
    with pytest.raises(CommandFailed, match=r"package-lock\.json|npm is not here"):
        Builder(tmp_path).build(package(folder))
    write(folder, "node_modules/left-pad/index.js")
    with zipfile.ZipFile(Builder(tmp_path).build(package(folder)).file) as packed:
        assert "node_modules/left-pad/index.js" in packed.namelist()


def test_a_packed_file_is_taken_as_it_is(tmp_path: Path) -> None:
    file = write(tmp_path, "code.zip") / "code.zip"
    assert Builder(tmp_path).build(package(file)).file == file


def test_libraries_are_for_the_servers_machine(tmp_path: Path) -> None:
    machine = read_machine(
        {
            "machine": {"python": "3.11.7", "architecture": "aarch64"},
            "interpreters": [{"version": "3.11.7"}, {"version": "3.12.1"}],
        }
    )
    found = [package(tmp_path, runtime=f"python3.{minor}") for minor in (11, 12, 9)]
    runtimes = [(one.runtime, bool(warning)) for one, warning in fitted(found, machine)]
    assert runtimes == [("python3.11", False), ("python3.12", False), ("python3.11", True)]
    assert list(fitted([package(tmp_path)], machine)) == [(package(tmp_path), "")]
    assert Machine(architecture="other").uv_options()[-1] == "other-unknown-linux-gnu"
    unknown = list(fitted(found, Machine()))
    assert [one.runtime for one, _ in unknown] == ["python3.11", "python3.12", "python3.9"]
