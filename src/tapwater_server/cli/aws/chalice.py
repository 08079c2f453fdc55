"""Reads a Chalice project by letting Chalice itself package it, in an environment of its own."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tapwater_server.cli.aws.project import AwsProject, Kind
from tapwater_server.cli.aws.reading import Document, parse
from tapwater_server.cli.aws.running import find_uv, last_words, run
from tapwater_server.cli.aws.sam import project_of
from tapwater_server.cli.aws.samconfig import SamConfig
from tapwater_server.cli.failures import CommandFailed, Problem

_PACKAGED = "sam.json"
_NOT_COPIED = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__"})


def open_chalice(
    file: Path,
    scratch: Path,
    *,
    name: str | None,
    stage: str | None,
    parameters: Mapping[str, str],
) -> AwsProject:
    """Package the project into ``scratch``, and read what came of it.

    Raises:
        CommandFailed: Chalice cannot be had, or refuses.
    """
    folder = file.parent.parent
    config = _read_config(file)
    stage = stage or "dev"
    called = name or f"{config.get('app_name', folder.name)}-{stage}"
    if stage not in config.get("stages", {stage: {}}):
        raise CommandFailed(
            f"the project has no stage {stage!r}",
            code="invalid",
            problems=[Problem(where=".chalice/config.json", what="stages has no such name")],
        )
    _package(folder, scratch, stage=stage)
    document = parse((scratch / _PACKAGED).read_text(), "Chalice's template")
    project = project_of(
        Document(name=document.name, value=_tidied(document.value)),
        folder=scratch,
        config=SamConfig(),
        name=called,
        parameters=parameters,
    )
    # The handlers lie in Chalice's own zip, which is taken as it is.
    return replace(project, kind=Kind.CHALICE, folder=folder)


def _read_config(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        where = f".chalice/{file.name}"
        raise CommandFailed(
            f"{where} cannot be read",
            code="invalid",
            problems=[Problem(where=where, what=str(error))],
        ) from error
    return found if isinstance(found, dict) else {}


def _package(folder: Path, scratch: Path, *, stage: str) -> None:
    """Run ``chalice package``: it imports the app, so the app's libraries must be there."""
    command = [find_uv(), "tool", "run", "--isolated", "--python", sys.executable, "--quiet"]
    command += ["--with", "setuptools<81", "--with", "pip"]
    if (folder / "requirements.txt").is_file():
        command += ["--with-requirements", str(folder / "requirements.txt")]
    command += ["chalice", "package", "--pkg-format", "cloudformation", "--stage", stage]
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}
    # In a copy: it leaves what it has built in its folder, and that is a person's.
    copy = scratch / "project"
    shutil.copytree(folder, copy, ignore=_not_copied)
    done = run([*command, str(scratch)], folder=copy, name="chalice", environment=environment)
    if done.returncode != 0 or not (scratch / _PACKAGED).is_file():
        raise CommandFailed(
            "Chalice could not package the project",
            code="deploy_failed",
            problems=[Problem(where="app.py", what=_told(last_words(done)))],
            hint="`chalice package` in its folder should say the same.",
        )


def _told(said: str) -> str:
    """Leave out the way to what Chalice says it does not do; of the app's mistakes it matters.

    >>> _told("Traceback:\\n  File x\\nNotImplementedError: no on_s3_event")
    'no on_s3_event'
    """
    last = said.rpartition("\n")[2]
    refused = last.removeprefix("NotImplementedError: ")
    return refused if refused != last else said


def _not_copied(folder: str, names: list[str]) -> set[str]:
    """Say what of a folder stays where it is: also what Chalice has built there before."""
    found = _NOT_COPIED.intersection(names)
    return {*found, "deployments"} if Path(folder).name == ".chalice" else set(found)


def _tidied(template: Any) -> Any:
    """Leave out outputs that name Amazon's own hosts: they would lead elsewhere."""
    if not isinstance(template, Mapping):
        return template
    outputs = template.get("Outputs")
    if not isinstance(outputs, Mapping):
        return template
    kept = {k: v for k, v in outputs.items() if "amazonaws.com" not in json.dumps(v)}
    return {**template, "Outputs": kept}
