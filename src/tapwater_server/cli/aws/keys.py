"""Keys for a server's AWS services: those of the shell, if they are for it, else for this run."""

import os

from tapwater_server.cli.aws.client import Keys
from tapwater_server.cli.aws.pairs import own_pair
from tapwater_server.cli.client import path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.places import tidy_url
from tapwater_server.cli.session import Session


async def keys_for(session: Session) -> Keys:
    """Find keys for the server of a session.

    Raises:
        CommandFailed: nobody answers, the token may not have keys, or AWS is not served there.
    """
    given = _of_shell(session.url())
    if given is not None:
        return given
    async with session.client() as client:
        try:
            facts = await client.get(path_of("aws"))
        except CommandFailed as error:
            if error.exit is Exit.NOT_FOUND:
                raise _not_served(session.url()) from error
            raise
        pair = ("tapwater", "tapwater")
        if not facts.get("any_key"):
            pair = await own_pair(session, client, str(facts["home"]))
    return Keys(
        url=session.url(),
        access_key=pair[0],
        secret_key=pair[1],
        region=str(facts.get("region") or "us-east-1"),
        account=str(facts.get("account_id") or ""),
    )


def _of_shell(url: str) -> Keys | None:
    """Take what ``eval "$(tapwater aws env)"`` has set, if it is for this server."""
    said = os.environ
    endpoint, access_key = said.get("AWS_ENDPOINT_URL", ""), said.get("AWS_ACCESS_KEY_ID", "")
    if not endpoint or not access_key or tidy_url(endpoint) != url:
        return None
    region = said.get("AWS_REGION") or said.get("AWS_DEFAULT_REGION") or "us-east-1"
    secret_key = said.get("AWS_SECRET_ACCESS_KEY", "")
    return Keys(url=url, access_key=access_key, secret_key=secret_key, region=region)


def _not_served(url: str) -> CommandFailed:
    return CommandFailed(
        f"{url} does not serve AWS' interfaces.",
        exit=Exit.NOT_FOUND,
        code="not_found",
        hint="This folder is a project for AWS. The server needs the setting aws = true "
        "(TAPWATER_AWS=1): docs/guides/aws.md.",
    )
