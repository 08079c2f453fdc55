"""Sends a bundle to the control API and reads how the deploy goes."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.cli.bundle import Bundle
from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.failures import HINTS, CommandFailed, read_problems
from tapwater_server.cli.progress import Shown


async def send(
    client: Client,
    bundle: Bundle,
    *,
    app: str,
    shown: Shown,
    alias: str = "live",
    traffic: bool = True,
    note: str = "",
) -> Mapping[str, Any]:
    """Deploy; give the new revision as the server describes it.

    Raises:
        CommandFailed: nothing has changed; it says what is wrong, and where.
    """
    query = {"alias": alias, "traffic": "true" if traffic else "false", "note": note or None}
    async with client.lines(
        "POST",
        path_of("apps", app, "deploys"),
        query=query,
        content=bundle.parts(),
        size=bundle.size,
    ) as lines:
        async for line in lines:
            if not isinstance(line, Mapping):
                continue
            if "problem" in line:
                raise refused(line["problem"])
            if isinstance(line.get("revision"), Mapping):
                revision: Mapping[str, Any] = line["revision"]
                return revision
            shown.step(line)
    raise CommandFailed(
        "the server broke off before the deploy was done",
        hint="`tapwater versions` shows whether it is there; if not, deploy again.",
    )


def refused(raw: object) -> CommandFailed:
    """Read why a deploy was refused."""
    problem = raw if isinstance(raw, Mapping) else {}
    code = str(problem.get("code") or "deploy_failed")
    message = str(problem.get("detail") or problem.get("title") or "the deploy was refused")
    return CommandFailed(
        message,
        code=code,
        hint=HINTS.get(code, HINTS["deploy_failed"]),
        problems=read_problems(problem.get("problems")),
    )
