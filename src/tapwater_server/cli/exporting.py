"""Lines that set variables in a shell. Pure."""

import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit


class Shell(StrEnum):
    """How a shell sets variables."""

    SH = "sh"
    FISH = "fish"
    POWERSHELL = "powershell"


def guess_shell(environ: Mapping[str, str]) -> Shell:
    """Say which shell this is.

    >>> guess_shell({"SHELL": "/usr/bin/fish"}).value
    'fish'
    """
    if environ.get("SHELL", "").endswith("fish"):
        return Shell.FISH
    return Shell.POWERSHELL if "PSModulePath" in environ and not environ.get("SHELL") else Shell.SH


def variables(url: str, facts: Mapping[str, Any], pair: tuple[str, str]) -> dict[str, str]:
    """Name what Amazon's tools read. S3's clients put a bucket's name before a host's, but not
    before an address: so localhost is written as one.

    >>> found = variables("http://localhost:80", {"region": "eu-west-1"}, ("A", "s"))
    >>> found["AWS_ENDPOINT_URL"], found["AWS_REGION"]
    ('http://127.0.0.1:80', 'eu-west-1')
    """
    parts, domain = urlsplit(url), str(facts.get("domain") or "")
    if parts.hostname == "localhost":
        url = f"{parts.scheme}://127.0.0.1" + (f":{parts.port}" if parts.port else "")
    found = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": pair[0],
        "AWS_SECRET_ACCESS_KEY": pair[1],
        "AWS_REGION": str(facts["region"]),
        "AWS_DEFAULT_REGION": str(facts["region"]),
    }
    if domain:
        port = f":{parts.port}" if parts.port else ""
        found["AWS_ENDPOINT_URL_S3"] = f"{parts.scheme}://s3.{domain}{port}"
    return found


def export_lines(found: Mapping[str, str], shell: Shell) -> Sequence[str]:
    """Write the lines; a session token of another account is forgotten.

    >>> export_lines({"A": "b c"}, Shell.SH)
    ["export A='b c'", 'unset AWS_SESSION_TOKEN AWS_PROFILE']
    """
    if shell is Shell.FISH:
        lines = [f"set -gx {name} {_fish(value)};" for name, value in found.items()]
        return [*lines, "set -e AWS_SESSION_TOKEN; set -e AWS_PROFILE;"]
    if shell is Shell.POWERSHELL:
        quoted = {name: value.replace("'", "''") for name, value in found.items()}
        lines = [f"$env:{name} = '{value}'" for name, value in quoted.items()]
        gone = "Remove-Item Env:AWS_SESSION_TOKEN, Env:AWS_PROFILE -ErrorAction Ignore"
        return [*lines, gone]
    lines = [f"export {name}={shlex.quote(value)}" for name, value in found.items()]
    return [*lines, "unset AWS_SESSION_TOKEN AWS_PROFILE"]


def _fish(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
