"""Which tool a folder's project was written for, if for one of AWS'."""

import re
from collections.abc import Sequence
from pathlib import Path

from tapwater_server.cli.aws.project import Kind
from tapwater_server.cli.project import MANIFEST

TEMPLATES: Sequence[str] = ("template.yaml", "template.yml", "template.json")
SERVERLESS: Sequence[str] = ("serverless.yml", "serverless.yaml", "serverless.json")
CHALICE = Path(".chalice", "config.json")
_PROGRAMS = {
    "serverless.ts": "only serverless.yml is read",
    "serverless.js": "only serverless.yml is read",
    "cdk.json": "a CDK app is deployed by CDK",
}
_TEMPLATE = re.compile(r"""["']?Type["']?\s*:\s*["']?(?:AWS|Custom)::""")
_TEXT_CHARS_MAX = 4 << 20


def recognise(path: Path) -> tuple[Kind, Path] | None:
    """Say what ``path`` holds, and in which file; None: nothing written for AWS.

    A folder with a tapwater.toml is an app of ours, whatever else lies in it. A template may be
    named itself.
    """
    place = path.expanduser().absolute()
    if place.is_file():
        known = place.suffix in {".yaml", ".yml", ".json"}
        return _of_file(place) if known else None
    if not place.is_dir() or (place / MANIFEST).is_file():
        return None
    if (place / CHALICE).is_file():
        return Kind.CHALICE, place / CHALICE
    for name in SERVERLESS:
        if (place / name).is_file():
            return Kind.SERVERLESS, place / name
    for name in TEMPLATES:
        if (place / name).is_file() and _is_template(place / name):
            return Kind.SAM, place / name
    return None


def near_miss(path: Path) -> str:
    """Say why a folder with a program in place of a template is no project; "": there is none."""
    found = ((name, why) for name, why in _PROGRAMS.items() if (path / name).is_file())
    return next((f"{name} is a program, and not run here: {why}" for name, why in found), "")


def _of_file(file: Path) -> tuple[Kind, Path] | None:
    if file.name in SERVERLESS:
        return Kind.SERVERLESS, file
    return (Kind.SAM, file) if file.name in TEMPLATES or _is_template(file) else None


def _is_template(file: Path) -> bool:
    with file.open(errors="replace") as opened:
        text = opened.read(_TEXT_CHARS_MAX)
    # One that was meant to be a template and is broken is to be complained of, not passed over.
    return bool(_TEMPLATE.search(text)) or "AWSTemplateFormatVersion" in text
