"""Every endpoint of the API, one line each: routes and document are made of this table."""

from collections.abc import Sequence
from functools import partial

from tapwater_server.control.api import apps, bundles, calls, deploys, keys, node, shapes, sources
from tapwater_server.control.house import House
from tapwater_server.model.limits import BUNDLE_BYTES_MAX
from tapwater_server.web.endpoint import Endpoint, Who

LINES = "application/x-ndjson"
_APP = "/apps/{app}"
_DEPLOY = {
    "alias": "the name to move to the new revision (live)",
    "traffic": "false: make the revision, move nothing",
    "note": "a line for the list of revisions",
}


def endpoints(house: House) -> Sequence[Endpoint]:
    """Give every line, with what its handler works with."""
    return (
        *_node(house),
        *_apps(house),
        *_deploys(house),
        *_traffic(house),
        *_calls(house),
        *_keys(house),
    )


def _apps(house: House) -> Sequence[Endpoint]:
    """Apps as a whole."""
    return (
        Endpoint(
            method="GET",
            path="/apps",
            says="The apps this token is for.",
            handler=partial(apps.list_apps, house),
            who=Who.HOLDER,
            gives=shapes.Apps,
        ),
        Endpoint(
            method="GET",
            path=_APP,
            says="An app: its addresses, aliases and functions.",
            handler=partial(apps.show_app, house),
            who=Who.HOLDER,
            gives=shapes.AppDetail,
        ),
        Endpoint(
            method="DELETE",
            path=_APP,
            says="Remove an app with everything that is its own.",
            handler=partial(apps.remove_app, house),
            who=Who.HOLDER,
            status=204,
        ),
        Endpoint(
            method="PUT",
            path="/settings/default-app",
            says="Choose the app on the bare host.",
            handler=partial(apps.set_default_app, house),
            who=Who.ADMIN,
            takes=shapes.DefaultApp,
            gives=shapes.DefaultApp,
        ),
    )


def _traffic(house: House) -> Sequence[Endpoint]:
    """Which revision answers."""
    return (
        Endpoint(
            method="POST",
            path=f"{_APP}/rollback",
            says="Point an alias at an earlier revision.",
            handler=partial(apps.roll_back, house),
            who=Who.HOLDER,
            takes=shapes.RollbackTo,
            gives=shapes.Aliases,
        ),
        Endpoint(
            method="GET",
            path=f"{_APP}/aliases",
            says="The aliases of an app and their weights by revision number.",
            handler=partial(apps.list_aliases, house),
            who=Who.HOLDER,
            gives=shapes.Aliases,
        ),
        Endpoint(
            method="PUT",
            path=f"{_APP}/aliases/{{alias}}",
            says="Split the traffic of an alias between revisions (by number or alias name).",
            handler=partial(apps.set_alias, house),
            who=Who.HOLDER,
            takes=shapes.Weights,
            gives=shapes.Aliases,
        ),
        Endpoint(
            method="DELETE",
            path=f"{_APP}/aliases/{{alias}}",
            says="Remove an alias.",
            handler=partial(apps.remove_alias, house),
            who=Who.HOLDER,
            status=204,
        ),
    )


def _deploys(house: House) -> Sequence[Endpoint]:
    """Revisions, how they come and what is in them."""
    return (
        Endpoint(
            method="POST",
            path=f"{_APP}/deploys",
            says="Deploy a bundle; lines tell the progress, the last one the revision or problem.",
            handler=partial(deploys.deploy, house),
            who=Who.HOLDER,
            query=_DEPLOY,
            takes_media="application/gzip",
            body_bytes_max=BUNDLE_BYTES_MAX,
            media=LINES,
        ),
        Endpoint(
            method="GET",
            path=f"{_APP}/revisions",
            says="The revisions of an app, newest first.",
            handler=partial(apps.list_revisions, house),
            who=Who.HOLDER,
            gives=shapes.Revisions,
        ),
        Endpoint(
            method="GET",
            path=f"{_APP}/bundle",
            says="All files of an app, as they were deployed: a tar.gz.",
            handler=partial(bundles.give_bundle, house),
            who=Who.HOLDER,
            query={"revision": "of this revision (number), or of this alias"},
            media="application/gzip",
        ),
        Endpoint(
            method="DELETE",
            path=f"{_APP}/revisions/{{number}}",
            says="Remove a revision that no alias points at.",
            handler=partial(apps.remove_revision, house),
            who=Who.HOLDER,
            status=204,
        ),
        Endpoint(
            method="GET",
            path=f"{_APP}/source/{{function:path}}",
            says="The source of a function, as it is live.",
            handler=partial(sources.show_source, house),
            who=Who.HOLDER,
            query={"revision": "of this revision (number), or of this alias"},
            gives=shapes.Source,
        ),
    )


def _calls(house: House) -> Sequence[Endpoint]:
    """Calling functions by their names."""
    return (
        Endpoint(
            method="POST",
            path=f"{_APP}/call/{{function:path}}",
            says="Call a function; in the background the answer is 202 and an id.",
            handler=partial(calls.call, house),
            who=Who.HOLDER,
            takes=shapes.CallBody,
            gives=shapes.Called,
        ),
        Endpoint(
            method="GET",
            path="/background/{id}",
            says="What became of a background call.",
            handler=partial(calls.show_background, house),
            who=Who.HOLDER,
            gives=shapes.Background,
        ),
    )


def _keys(house: House) -> Sequence[Endpoint]:
    """Secrets and tokens."""
    return (
        Endpoint(
            method="GET",
            path=f"{_APP}/secrets",
            says="The names of an app's secrets.",
            handler=partial(keys.list_secrets, house),
            who=Who.HOLDER,
            gives=shapes.Names,
        ),
        Endpoint(
            method="PUT",
            path=f"{_APP}/secrets/{{name}}",
            says="Set a secret; it is never shown again.",
            handler=partial(keys.put_secret, house),
            who=Who.HOLDER,
            takes=shapes.SecretValue,
            status=204,
        ),
        Endpoint(
            method="DELETE",
            path=f"{_APP}/secrets/{{name}}",
            says="Remove a secret.",
            handler=partial(keys.remove_secret, house),
            who=Who.HOLDER,
            status=204,
        ),
        Endpoint(
            method="GET",
            path="/tokens",
            says="Who holds a token.",
            handler=partial(keys.list_tokens, house),
            who=Who.ADMIN,
            gives=shapes.TokenLines,
        ),
        Endpoint(
            method="POST",
            path="/tokens",
            says="Make a token; its text is given out this once.",
            handler=partial(keys.issue_token, house),
            who=Who.ADMIN,
            takes=shapes.NewToken,
            gives=shapes.TokenText,
            status=201,
        ),
        Endpoint(
            method="DELETE",
            path="/tokens/{name}",
            says="Revoke a token.",
            handler=partial(keys.revoke_token, house),
            who=Who.ADMIN,
            status=204,
        ),
    )


def _node(house: House) -> Sequence[Endpoint]:
    """This node."""
    return (
        Endpoint(
            method="GET",
            path="/health",
            says="Whether this node serves.",
            handler=partial(node.health, house),
            who=Who.ANYONE,
            gives=shapes.Health,
        ),
        Endpoint(
            method="GET",
            path="/doctor",
            says="Which layers of isolation, interpreters and limits this machine gives.",
            handler=partial(node.doctor, house),
            who=Who.ADMIN,
        ),
        Endpoint(
            method="GET",
            path="/top",
            says="What this node is doing now.",
            handler=partial(node.top, house),
            who=Who.ADMIN,
        ),
    )
