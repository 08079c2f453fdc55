"""Every endpoint of the API, one line each: routes and document are made of this table."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.control.api import apps, calls, deploys, keys, logs, node, shapes
from tapwater_server.control.api.endpoint import PREFIX, Asked, Endpoint, Who
from tapwater_server.control.house import House
from tapwater_server.web.openapi import document

LINES = "application/x-ndjson"
_APP = f"{PREFIX}/apps/{{app}}"
_LOGS = {
    "app": "only this app's",
    "function": "only this function's (group/name)",
    "invocation": "only this call's",
    "level": "only this level's: debug, info, warning, error, platform",
    "text": "only lines that contain this",
    "since": "only from this time on (seconds since the epoch)",
    "until": "only up to this time",
    "after": "only what comes after this seq",
    "limit": "how many at most (100; up to 10000)",
}
_FOLLOWED = {**_LOGS, "follow": "true: an endless stream of lines (NDJSON)"}
_RECORDS = {name: _LOGS[name] for name in ("app", "function", "since", "until", "limit")}
_DEPLOY = {
    "alias": "the name to move to the new revision (live)",
    "traffic": "false: make the revision, move nothing",
    "note": "a line for the list of revisions",
}


async def describe(house: House, asked: Asked) -> Mapping[str, Any]:
    return document(
        ENDPOINTS,
        title="Tapwater control API",
        say=lambda one: {
            "operationId": one.handler.__name__,
            "security": [] if one.who is Who.PUBLIC else [{"token": []}],
        },
    )


ENDPOINTS: Sequence[Endpoint] = (
    Endpoint(
        method="GET",
        path="/_/health",
        says="Whether this node serves.",
        handler=node.health,
        who=Who.PUBLIC,
        gives=shapes.Health,
    ),
    Endpoint(
        method="GET",
        path=f"{PREFIX}/openapi.json",
        says="This document.",
        handler=describe,
        who=Who.PUBLIC,
    ),
    Endpoint(
        method="GET",
        path=f"{PREFIX}/apps",
        says="The apps this token is for.",
        handler=apps.list_apps,
        gives=shapes.Apps,
    ),
    Endpoint(
        method="GET",
        path=_APP,
        says="An app: its addresses, aliases and functions.",
        handler=apps.show_app,
        gives=shapes.AppDetail,
    ),
    Endpoint(
        method="DELETE",
        path=_APP,
        says="Remove an app with everything that is its own.",
        handler=apps.remove_app,
        status=204,
    ),
    Endpoint(
        method="POST",
        path=f"{_APP}/deploys",
        says="Deploy a bundle; lines tell the progress, the last one the revision or problem.",
        handler=deploys.deploy,
        query=_DEPLOY,
        takes_media="application/gzip",
        media=LINES,
    ),
    Endpoint(
        method="GET",
        path=f"{_APP}/revisions",
        says="The revisions of an app, newest first.",
        handler=apps.list_revisions,
        gives=shapes.Revisions,
    ),
    Endpoint(
        method="DELETE",
        path=f"{_APP}/revisions/{{number}}",
        says="Remove a revision that no alias points at.",
        handler=apps.remove_revision,
        status=204,
    ),
    Endpoint(
        method="POST",
        path=f"{_APP}/rollback",
        says="Point an alias at an earlier revision.",
        handler=apps.roll_back,
        takes=shapes.RollbackTo,
        gives=shapes.Aliases,
    ),
    Endpoint(
        method="GET",
        path=f"{_APP}/aliases",
        says="The aliases of an app and their weights by revision number.",
        handler=apps.list_aliases,
        gives=shapes.Aliases,
    ),
    Endpoint(
        method="PUT",
        path=f"{_APP}/aliases/{{alias}}",
        says="Split the traffic of an alias between revisions (by number or alias name).",
        handler=apps.set_alias,
        takes=shapes.Weights,
        gives=shapes.Aliases,
    ),
    Endpoint(
        method="DELETE",
        path=f"{_APP}/aliases/{{alias}}",
        says="Remove an alias.",
        handler=apps.remove_alias,
        status=204,
    ),
    Endpoint(
        method="POST",
        path=f"{_APP}/call/{{function:path}}",
        says="Call a function; in the background the answer is 202 and an id.",
        handler=calls.call,
        takes=shapes.CallBody,
        gives=shapes.Called,
    ),
    Endpoint(
        method="GET",
        path=f"{PREFIX}/background/{{id}}",
        says="What became of a background call.",
        handler=calls.show_background,
        gives=shapes.Background,
    ),
    Endpoint(
        method="GET",
        path=f"{PREFIX}/logs",
        says="Lines that functions logged, oldest first.",
        handler=logs.read_logs,
        query=_FOLLOWED,
        gives=shapes.Lines,
    ),
    Endpoint(
        method="GET",
        path=f"{PREFIX}/invocations",
        says="How calls ended and what they used, newest first.",
        handler=logs.list_invocations,
        query=_RECORDS,
        gives=shapes.Records,
    ),
    Endpoint(
        method="GET",
        path=f"{PREFIX}/invocations/{{id}}",
        says="One call with its log lines.",
        handler=logs.show_invocation,
    ),
    Endpoint(
        method="GET",
        path=f"{_APP}/secrets",
        says="The names of an app's secrets.",
        handler=keys.list_secrets,
        gives=shapes.Names,
    ),
    Endpoint(
        method="PUT",
        path=f"{_APP}/secrets/{{name}}",
        says="Set a secret; it is never shown again.",
        handler=keys.put_secret,
        takes=shapes.SecretValue,
        status=204,
    ),
    Endpoint(
        method="DELETE",
        path=f"{_APP}/secrets/{{name}}",
        says="Remove a secret.",
        handler=keys.remove_secret,
        status=204,
    ),
    Endpoint(
        method="GET",
        path=f"{PREFIX}/tokens",
        says="Who holds a token.",
        handler=keys.list_tokens,
        who=Who.ADMIN,
        gives=shapes.TokenLines,
    ),
    Endpoint(
        method="POST",
        path=f"{PREFIX}/tokens",
        says="Make a token; its text is given out this once.",
        handler=keys.issue_token,
        who=Who.ADMIN,
        takes=shapes.NewToken,
        gives=shapes.TokenText,
        status=201,
    ),
    Endpoint(
        method="DELETE",
        path=f"{PREFIX}/tokens/{{name}}",
        says="Revoke a token.",
        handler=keys.revoke_token,
        who=Who.ADMIN,
        status=204,
    ),
    Endpoint(
        method="GET",
        path=f"{PREFIX}/doctor",
        says="Which layers of isolation, interpreters and limits this machine gives.",
        handler=node.doctor,
        who=Who.ADMIN,
    ),
    Endpoint(
        method="GET",
        path=f"{PREFIX}/top",
        says="What this node is doing now.",
        handler=node.top,
        who=Who.ADMIN,
    ),
    Endpoint(
        method="PUT",
        path=f"{PREFIX}/settings/default-app",
        says="Choose the app on the bare host.",
        handler=apps.set_default_app,
        who=Who.ADMIN,
        takes=shapes.DefaultApp,
        gives=shapes.DefaultApp,
    ),
)
