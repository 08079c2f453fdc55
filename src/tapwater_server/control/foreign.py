"""Apps that another cloud's tools release: what of our own commands they take. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.model.errors import Invalid
from tapwater_server.model.function import Function, Revision, Style

_ENDS = (".py", ".mjs", ".js", ".cjs")
_TOLD = (
    *("cloud", "name", "version", "runtime", "handler", "arn"),
    *("account", "region", "home", "memory_mb", "timeout_s", "layers"),
)


def shown(function: Function) -> dict[str, Any] | None:
    """Say what a function is in its own cloud; None: it is one of ours."""
    if function.style is not Style.FOREIGN:
        return None
    return {name: function.foreign[name] for name in _TOLD if name in function.foreign}


def cloud_of(revision: Revision) -> str:
    """Name the cloud whose tools made a revision; "" for our own."""
    told = _function_of([revision])
    return "" if told is None else str(told.get("cloud", ""))


def sources(function: Function) -> Sequence[str]:
    """Say in which files a function's code may lie, the likeliest first."""
    if function.style is not Style.FOREIGN:
        return (function.file,)
    module = str(function.foreign.get("handler", "")).rpartition(".")[0]
    path = module.replace(".", "/")
    return (*(f"{path}{end}" for end in _ENDS), f"{module}.js", "bootstrap")


def check_ours(revisions: Sequence[Revision], *, instead: str) -> None:
    """See that an app is released by us. ``instead``: what to do where it is a Lambda function.

    Raises:
        Invalid: its revisions and aliases are what another cloud's tools know of it: changed from
            here, they would tell one thing and run another.
    """
    told = _function_of(revisions)
    if told is not None:
        app, name = revisions[0].app, told.get("name", "")
        raise Invalid(f"{app} is the Lambda function {name}: {instead.replace('NAME', str(name))}")


def _function_of(revisions: Sequence[Revision]) -> Mapping[str, Any] | None:
    for revision in revisions:
        for function in revision.functions:
            if function.style is Style.FOREIGN:
                return function.foreign
    return None


CODE = "send its code with `aws lambda update-function-code --function-name NAME`, or its stack"
TRAFFIC = (
    "publish versions of it and move an alias between them, "
    "with `aws lambda update-alias --function-name NAME`"
)
REMOVE = "remove it with `aws lambda delete-function --function-name NAME --qualifier VERSION`"
UNALIAS = "remove its alias with `aws lambda delete-alias --function-name NAME`"
SECRET = (
    "it reads its environment, set with `aws lambda update-function-configuration "
    "--function-name NAME --environment`, or AWS's secrets: `aws secretsmanager create-secret`"
)
