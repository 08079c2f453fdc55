"""Deploys a project for AWS: reads it, says what it found, packs, sends, and follows the stack."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tapwater_server.cli.aws import stacks
from tapwater_server.cli.aws.building import Builder
from tapwater_server.cli.aws.client import Aws, AwsRefused
from tapwater_server.cli.aws.counting import counted
from tapwater_server.cli.aws.files import Zipped
from tapwater_server.cli.aws.keys import keys_for
from tapwater_server.cli.aws.machines import fitted, machine_of
from tapwater_server.cli.aws.notifying import forget, missing_buckets, notify
from tapwater_server.cli.aws.opening import Asked, open_aws
from tapwater_server.cli.aws.packages import placed
from tapwater_server.cli.aws.project import AwsProject, Kind, Package
from tapwater_server.cli.aws.reading import dump
from tapwater_server.cli.aws.results import Result, result_of, show
from tapwater_server.cli.aws.unsupported import unmade
from tapwater_server.cli.aws.uploading import (
    BUCKET,
    ensure_bucket,
    key_of,
    put_template,
    sweep,
    upload,
)
from tapwater_server.cli.clock import monotonic, now
from tapwater_server.cli.failures import CommandFailed, Exit, Problem
from tapwater_server.cli.progress import Shown, shown
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import size

_TYPES_PAGES_MAX = 50
_TAG = "tapwater:project"


async def deploy_project(session: Session, kind: Kind, file: Path, asked: Asked) -> int | None:
    """Deploy the project of ``file``: all of it, or nothing changes.

    Raises:
        CommandFailed: it says what is wrong, all of it, and where.
    """
    aws = Aws(await keys_for(session))
    account = await aws.account()
    with tempfile.TemporaryDirectory(prefix="tapwater-aws-") as folder:
        project = await asyncio.to_thread(
            open_aws, kind, file, Path(folder), asked, aws=aws, account=account
        )
        session.print(f"{project.kind} project [bold]{project.name}[/bold]: {_found(project)}")
        for note in project.notes:
            session.say(f"[dim]note: {note}[/dim]")
        await check(aws, project)
        machine = await machine_of(session)
        packages = list(fitted(project.packages, machine))
        for warning in filter(None, (warning for _, warning in packages)):
            session.warn(warning)
        project = replace(project, packages=tuple(package for package, _ in packages))
        with shown(session) as steps:
            builder = Builder(Path(folder), machine=machine)
            result = await _carry_out(aws, project, builder, steps)
    show(session, project, result)
    return Exit.FINE


def _found(project: AwsProject) -> str:
    from rich.markup import escape

    return escape(counted(project.template))


async def check(aws: Aws, project: AwsProject) -> None:
    """Say everything that stands against deploying, at once.

    Raises:
        CommandFailed: something does.
    """
    problems: list[Problem] = list(project.problems)
    problems += [one async for one in missing_buckets(aws, project)]
    types = await _types(aws)
    if types:
        for problem in unmade(project.template, project.document, types):
            if problem.where == project.document.name:  # it was made of other words
                problem = Problem(where=project.document.name, what=problem.what)
            problems.append(problem)
    if problems:
        several = "" if len(problems) == 1 else f" ({len(problems)} reasons)"
        raise CommandFailed(
            f"{project.name} cannot be deployed here{several}; nothing has been changed",
            code="not_supported",
            problems=problems,
        )


async def _types(aws: Aws) -> set[str]:
    """Ask which types of resources the server makes; empty: it does not tell."""
    found: set[str] = set()
    more: dict[str, str] = {}
    try:
        for _ in range(_TYPES_PAGES_MAX):
            page = await aws.ask("cloudformation", "list_types", Visibility="PUBLIC", **more)
            found |= {str(one["TypeName"]) for one in page.get("TypeSummaries", ())}
            if not page.get("NextToken"):
                break
            more = {"NextToken": page["NextToken"]}
    except AwsRefused:
        return set()  # The change set will tell.
    return found


async def _carry_out(aws: Aws, project: AwsProject, builder: Builder, steps: Shown) -> Result:
    await ensure_bucket(aws)
    built = await _build(project.packages, builder, steps)
    places = {}
    for package in project.packages:
        made = built[package.resource]
        places[package.resource] = (BUCKET, key_of(project.stack, made))
    await _upload(aws, project.stack, built, steps)
    text = dump(placed(project.template, places, project.packages))
    changed = await _apply(aws, project, text, steps)
    if changed:
        await sweep(aws, project.stack, {key for _, key in places.values()})
    await notify(aws, project.stack, project.notified)
    return await result_of(aws, project.stack, changed=changed)


async def _build(
    packages: Sequence[Package], builder: Builder, steps: Shown
) -> Mapping[str, Zipped]:
    found = {}
    for package in packages:
        began, step = monotonic(), f"build {package.resource}"
        steps.step({"step": step, "state": "begin", "detail": package.runtime})
        made = await asyncio.to_thread(builder.build, package)
        ms = (monotonic() - began) * 1000
        steps.step({"step": step, "state": "done", "detail": size(made.size), "ms": ms})
        found[package.resource] = made
    return found


async def _upload(aws: Aws, stack: str, built: Mapping[str, Zipped], steps: Shown) -> None:
    sent, began = 0, monotonic()
    different = {made.digest: made for made in built.values()}
    if not different:
        return
    steps.step({"step": "upload", "state": "begin"})
    for made in different.values():
        sent += await upload(aws, stack, made)
    detail = f"{sent} new, {len(different) - sent} there already"
    ms = (monotonic() - began) * 1000
    steps.step({"step": "upload", "state": "done", "detail": detail, "ms": ms})


async def _apply(aws: Aws, project: AwsProject, text: str, steps: Shown) -> bool:
    raw = text.encode()
    large = len(raw) > stacks.TEMPLATE_BYTES_MAX
    wanted = stacks.Wanted(
        stack=project.stack,
        body="" if large else text,
        url=await put_template(aws, project.stack, text) if large else "",
        parameters=project.parameters,
        tags={_TAG: f"{project.kind}/{project.name}"},
    )
    # A name of its own for each: those that were carried out are kept.
    name = f"tapwater-{now() * 1000:.0f}"
    return await stacks.apply(aws, wanted, name=name, shown=steps)


async def undeploy(session: Session, stack: str) -> Mapping[str, Any]:
    """Remove a stack, and its packages."""
    aws = Aws(await keys_for(session))
    with shown(session) as steps:
        await forget(aws, stack)
        await stacks.remove(aws, stack, shown=steps)
    await ensure_bucket(aws)
    await sweep(aws, stack, ())
    return {"removed": stack}
