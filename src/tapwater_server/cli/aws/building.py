"""Makes the packages of a project: its own files, and the libraries that they say they need."""

import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tapwater_server.cli.aws.files import Zipped, below, files_of, zip_files, zipped
from tapwater_server.cli.aws.machines import Machine
from tapwater_server.cli.aws.project import Package
from tapwater_server.cli.aws.running import find_uv, last_words, run
from tapwater_server.cli.failures import CommandFailed, Problem

_LOCKS = ("package-lock.json", "npm-shrinkwrap.json")


class Builder:
    """Packs into a folder of its own; what was packed once is not packed again."""

    def __init__(self, scratch: Path, *, machine: Machine | None = None) -> None:
        self._scratch = scratch
        self._machine = machine or Machine()
        self._made: dict[tuple[object, ...], Zipped] = {}

    def build(self, package: Package) -> Zipped:
        """Make one package; to be called in a thread.

        Raises:
            CommandFailed: a library is not to be had, or a tool is missing.
        """
        if package.source.is_file():
            return zipped(package.source)
        key = (package.source, package.runtime, package.layer, package.build, package.patterns)
        if key not in self._made:
            self._made[key] = zip_files(self._files(package), self._scratch)
        return self._made[key]

    def _files(self, package: Package) -> dict[str, Path]:
        own = files_of(package.source, patterns=package.patterns)
        family = package.build if package.layer else package.build or package.runtime
        if family.startswith("python"):
            files = {**self._python(package), **own}
            return below("python/", files.items()) if package.layer else files
        if family.startswith("nodejs"):
            files = {**self._node(package), **own}
            return below("nodejs/", files.items()) if package.layer else files
        return own

    def _python(self, package: Package) -> dict[str, Path]:
        listed = package.source / "requirements.txt"
        if package.build == "python-uv" and not listed.is_file():
            listed = package.source / "pyproject.toml"
        if not listed.is_file():
            return {}
        return self._install(["-r", listed.name], listed.name, package)

    def _install(self, what: Sequence[str], where: str, package: Package) -> dict[str, Path]:
        target = Path(tempfile.mkdtemp(dir=self._scratch))
        command = [find_uv(), "pip", "install", "--quiet", "--target", str(target)]
        command += ["--only-binary", ":all:", "--python", sys.executable, "--no-progress"]
        command += ["--color", "never", "--no-python-downloads", *_python_version(package)]
        command += [*self._machine.uv_options(), *what]
        _run(command, folder=package.source, where=where, of=package)
        return _installed(target)

    def _node(self, package: Package) -> dict[str, Path]:
        described = package.source / "package.json"
        if not described.is_file() or (package.source / "node_modules").is_dir():
            return {}
        if not _depends(described):
            return {}
        lock = next((name for name in _LOCKS if (package.source / name).is_file()), "")
        npm = shutil.which("npm")
        if not lock or npm is None:
            lacks = "npm is not here" if npm is None else "there is no package-lock.json"
            raise CommandFailed(
                f"{package.resource}: its package.json names dependencies, and {lacks}",
                hint="Run `npm install` in its folder first: node_modules is taken as it is.",
            )
        target = Path(tempfile.mkdtemp(dir=self._scratch))
        for name in ("package.json", lock):
            shutil.copy(package.source / name, target / name)
        # Scripts of packages are not run: nobody has looked at them.
        command = [npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
        _run(command, folder=target, where=lock, of=package)
        return files_of(target)


def python_of(runtime: str) -> str:
    """Name the version of Python that a runtime or BuildMethod means; "": it is not said.

    >>> python_of("python3.12"), python_of("nodejs22.x")
    ('3.12', '')
    """
    version = runtime.removeprefix("python")
    return version if version != runtime and version[:1].isdigit() else ""


def _python_version(package: Package) -> Sequence[str]:
    version = python_of(package.build) or python_of(package.runtime)
    here = ".".join(platform.python_version_tuple()[:2])
    return [] if version in ("", here) else ["--python-version", version]


def _depends(described: Path) -> bool:
    try:
        said = json.loads(described.read_text())
    except ValueError as error:
        raise CommandFailed(f"{described} is not JSON: {error}", code="invalid") from error
    return isinstance(said, dict) and bool(said.get("dependencies"))


def _installed(target: Path) -> dict[str, Path]:
    left_out = {"__pycache__", ".lock"}
    return {
        str(file.relative_to(target)): file
        for file in target.rglob("*")
        if file.is_file() and left_out.isdisjoint(file.parts)
    }


def _run(command: Sequence[str], *, folder: Path, where: str, of: Package) -> None:
    done = run(command, folder=folder, name=Path(command[0]).name)
    if done.returncode != 0:
        raise CommandFailed(
            f"{of.resource}: the libraries in {where} cannot be installed",
            code="deploy_failed",
            problems=[Problem(where=where, what=last_words(done))],
            hint="Only wheels are installed: no code of a package runs while it is built.",
        )
