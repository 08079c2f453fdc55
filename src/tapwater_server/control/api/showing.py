"""How apps, revisions and functions look to a client of the API. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from tapwater_server.control import foreign
from tapwater_server.control.api.shapes import FunctionLine, RevisionLine
from tapwater_server.control.plan import LIVE
from tapwater_server.model.function import Alias, Function, Revision
from tapwater_server.model.ids import AppId


class Addresses:
    """Writes URLs as the client who asks can reach them. ``bare``: the host that was asked is where
    the default app answers; the dashboard's own is not.
    """

    def __init__(self, *, scheme: str, host: str, domain: str, bare: bool = True) -> None:
        name, colon, port = host.rpartition(":")
        self._bare = f"{scheme}://{host}" if bare else ""
        self._scheme = scheme
        self._end = f"{domain}:{port}" if colon and port.isdigit() and name else domain

    def of_app(self, app: AppId, *, default: bool) -> str:
        if default and self._bare:
            return self._bare
        return f"{self._scheme}://{app}.{self._end}"

    def of_alias(self, app: AppId, alias: str, *, default: bool) -> str:
        if alias == LIVE:
            return self.of_app(app, default=default)
        return f"{self._scheme}://{alias}--{app}.{self._end}"

    def of_revision(self, app: AppId, number: int) -> str:
        return f"{self._scheme}://r{number}--{app}.{self._end}"


def function_line(function: Function, *, base: str, warnings: Sequence[str]) -> FunctionLine:
    """Show a function."""
    route = function.route
    triggers = [
        {"source": one.source, "arguments": dict(one.arguments)} for one in function.triggers
    ]
    return FunctionLine(
        name=function.id.name,
        kind=function.kind.value,
        style=function.style.value,
        group=function.group,
        file=function.file,
        url=None if route is None else base + route.path,
        verbs=[] if route is None else sorted(route.verbs),
        trigger=triggers[0] if triggers else None,
        triggers=triggers,
        limits=msgspec.to_builtins(function.limits),
        auth=function.auth,
        egress=list(function.egress),
        description=function.description,
        warnings=list(warnings),
        foreign=foreign.shown(function),
    )


def revision_line(
    revision: Revision, *, aliases: Sequence[Alias], addresses: Addresses, default: bool
) -> RevisionLine:
    """Show a revision, its functions at the address that serves it."""
    serving = {one.name: one.weights[revision.id] for one in aliases if revision.id in one.weights}
    preview = addresses.of_revision(revision.app, revision.number)
    named = sorted(serving, key=lambda name: (name != LIVE, name))
    base = addresses.of_alias(revision.app, named[0], default=default) if named else preview
    said = revision.settings.get("warnings", {})
    functions = [
        function_line(one, base=base, warnings=said.get(one.id.name, ()))
        for one in revision.functions
    ]
    return RevisionLine(
        id=revision.id,
        number=revision.number,
        created_at=revision.created_at,
        note=revision.note,
        python=str(revision.settings.get("python", revision.python)),
        functions=functions,
        urls=[addresses.of_alias(revision.app, name, default=default) for name in named],
        preview=preview,
        aliases=serving,
    )


def weights_by_number(
    aliases: Sequence[Alias], revisions: Sequence[Revision]
) -> dict[str, dict[str, int]]:
    """Show aliases with revision numbers, which people know, for ids, which they do not."""
    numbers: Mapping[str, int] = {one.id: one.number for one in revisions}
    return {
        alias.name: {str(numbers[id]): weight for id, weight in alias.weights.items()}
        for alias in aliases
    }
