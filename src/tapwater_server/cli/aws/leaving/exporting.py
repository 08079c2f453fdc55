"""Exports an app: describes its functions, makes the template, and writes it all down."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tapwater_server.cli.aws.leaving.layout import Place, places
from tapwater_server.cli.aws.leaving.report import report
from tapwater_server.cli.aws.leaving.template import App, Described, Exported, export
from tapwater_server.cli.aws.leaving.usage import Used, look
from tapwater_server.cli.aws.running import find_uv, last_words, run
from tapwater_server.cli.bundle import Chosen, choose
from tapwater_server.cli.failures import CommandFailed, Exit, Problem
from tapwater_server.cli.project import Project, script_dependencies

SHIM = "tapwater_on_lambda"
_OURS = "tapwater_server.cli.aws.leaving.shim"
_NOT_NEEDED = ("__pycache__", "fakes", "clouds")


def export_app(project: Project, out: Path, *, python: str) -> Exported:
    """Write the SAM project of an app into ``out``; to be called in a thread.

    Raises:
        CommandFailed: a function cannot be imported, or ``out`` holds something.
    """
    if out.exists() and any(out.iterdir()):
        raise CommandFailed(
            f"{out} is not empty", exit=Exit.USAGE, code="usage", hint="Name a new folder."
        )
    chosen = choose(project)
    settings = project.settings
    found = places([one.path for one in chosen.files], _main(project))
    if not found:
        raise CommandFailed(f"{project.folder} holds no function", code="invalid")
    wanted = _requirements(project)
    described = _describe(project, found, wanted)
    app = App(
        name=project.name,
        python=str(settings.get("python") or python),
        functions=described,
        used=_used(chosen),
        environment={str(k): str(v) for k, v in (settings.get("env") or {}).items()},
        cors=_cors(settings.get("cors")),
        static=any(one.path.startswith("public/") for one in chosen.files),
    )
    exported = export(app)
    _write(out, app, exported, chosen, wanted)
    return exported


def _main(project: Project) -> str:
    return project.file.name if project.file else str(project.settings.get("main") or "")


def _requirements(project: Project) -> str:
    """Find what the app needs, where a deploy would look first."""
    import tomllib

    listed = project.settings.get("dependencies")
    if isinstance(listed, list):
        return "".join(f"{one}\n" for one in listed)
    if project.file is not None:
        return "".join(f"{one}\n" for one in script_dependencies(project.file.read_text()))
    for name in ("requirements.txt", "pyproject.toml"):
        file = project.folder / name
        if file.is_file() and name == "requirements.txt":
            return file.read_text()
        if file.is_file():
            said = tomllib.loads(file.read_text()).get("project", {}).get("dependencies", [])
            return "".join(f"{one}\n" for one in said)
    return ""


def _describe(project: Project, found: list[Place], wanted: str) -> list[Described]:
    with tempfile.TemporaryDirectory(prefix="tapwater-export-") as scratch:
        path = [scratch] if wanted.strip() else []
        if path:
            listed = Path(scratch, "requirements.txt")
            listed.write_text(wanted)
            command = [find_uv(), "pip", "install", "--quiet", "--target", scratch]
            command += ["--python", sys.executable, "--only-binary", ":all:", "-r", str(listed)]
            _run(command, project.folder, path)
        command = [sys.executable, "-m", "tapwater_server.cli.aws.leaving.describing"]
        said = _run([*command, *(one.file for one in found)], project.folder, path)
    answers = {one["file"]: one for one in map(json.loads, said.splitlines())}
    wrong = [
        Problem(where=file, what=str(one["error"]))
        for file, one in answers.items()
        if "error" in one
    ]
    if wrong:
        raise CommandFailed("not every function can be imported", code="invalid", problems=wrong)
    return [_described(project, one, answers[one.file]["manifest"]) for one in found]


def _described(project: Project, place: Place, manifest: Mapping[str, Any]) -> Described:
    settings = project.settings
    own = (settings.get("functions") or {}).get(place.name) or {}
    given = dict(manifest.get("options") or {})
    options = {**(settings.get("defaults") or {}), **own, **given}
    every = [part.get("environment") or {} for part in (settings.get("defaults") or {}, own, given)]
    if any(every):
        options["environment"] = {key: value for part in every for key, value in part.items()}
    triggers = list(manifest.get("triggers") or ())
    if options.get("schedule"):
        triggers.append({"source": "schedule", "arguments": {"cron": options.pop("schedule")}})
    if place.path and manifest.get("kind") == "reactive":  # a single file may be either
        place = Place(file=place.file, name=place.name, path="")
    return Described(
        place=place,
        options=options,
        triggers=triggers,
        mount=bool(manifest.get("mount")),
        websocket=bool(manifest.get("websocket")),
    )


def _run(command: list[str], folder: Path, path: list[str]) -> str:
    import tapwater

    guest = str(Path(tapwater.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*path, guest])}
    done = run(command, folder=folder, name="describing the app", environment=environment)
    if done.returncode != 0:
        problem = Problem(where=folder.name, what=last_words(done))
        raise CommandFailed("the app cannot be described", problems=[problem])
    return done.stdout


def _used(chosen: Chosen) -> Used:
    used = Used()
    for one in chosen.files:
        if one.path.endswith(".py") and one.source is not None:
            look(one.path, one.source.read_text(errors="replace"), used)
    return used


def _cors(said: Any) -> Mapping[str, Any] | None:
    if said is True:
        return {}
    return said if isinstance(said, Mapping) else None


def _write(out: Path, app: App, exported: Exported, chosen: Chosen, wanted: str) -> None:
    import yaml

    code = out / "app"
    for path, source, made in _files(chosen):
        target = code / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source is not None:
            shutil.copy(source, target)
        else:
            target.write_bytes(made)
    code.mkdir(parents=True, exist_ok=True)
    (code / "requirements.txt").write_text(wanted)
    _write_guest(code)
    handlers = code / "handlers"
    handlers.mkdir(exist_ok=True)
    (handlers / "__init__.py").write_text(
        '"""One module for each function: what Lambda calls."""\n'
    )
    for name, text in exported.handlers.items():
        (handlers / name).write_text(text)
    text = yaml.safe_dump(exported.template, sort_keys=False, width=100)
    (out / "template.yaml").write_text(text)
    (out / "README.md").write_text(report(app, exported))


def _files(chosen: Chosen) -> Iterator[tuple[str, Path | None, bytes]]:
    for one in chosen.files:
        yield one.path, one.source, one.made


def _write_guest(code: Path) -> None:
    """Lay beside the app what it imports, and what carries it on Lambda."""
    import tapwater

    guest = Path(tapwater.__file__).parent
    shutil.copytree(
        guest, code / "tapwater", ignore=shutil.ignore_patterns(*_NOT_NEEDED), dirs_exist_ok=True
    )
    shim = code / SHIM
    shim.mkdir()
    for file in sorted((Path(__file__).parent / "shim").glob("*.py")):
        (shim / file.name).write_text(file.read_text().replace(_OURS, SHIM))
