"""Queue URLs: written as the client named us, read in any form there ever was. Pure."""

from urllib.parse import unquote, urlsplit

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked
from tapwater_server.clouds.aws.sqs.errors import missing, no_queue


def url_of(asked: AwsAsked, name: str) -> str:
    """Write the URL of a queue."""
    return f"{asked.scheme}://{asked.host}/{asked.account.id}/{name}"


def name_of(url: str, asked: AwsAsked) -> str:
    """Read which queue is meant; without a URL, the path says it.

    Raises:
        AwsError: none is, or one of another account.
    """
    try:
        path = urlsplit(url).path if url else asked.path
    except ValueError:
        raise no_queue() from None
    parts = [unquote(part) for part in path.split("/") if part]
    if not parts:
        raise no_queue() if url else missing("QueueUrl")
    if not _is_of(parts[:-1], asked.account):
        raise no_queue()
    return parts[-1]


def _is_of(before: list[str], account: Account) -> bool:
    """Look at what stands before the name: nothing, "queue", or the account."""
    return not before or before[-1] in {account.id, "queue"} or not before[-1].isdigit()
