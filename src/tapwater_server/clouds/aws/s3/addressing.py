"""Which bucket and key a request means, by what its host names and its path. Pure."""

from urllib.parse import unquote

from tapwater_server.clouds.aws.s3.errors import refuse


def place_of(path: str, named: str = "") -> tuple[str, str]:
    """Give bucket and key, each "" where there is none. ``named``: the bucket before the host.

    >>> place_of("/photos/a%20b/c"), place_of("/", "photos")
    (('photos', 'a b/c'), ('photos', ''))

    Raises:
        AwsError: InvalidURI.
    """
    try:
        if named:
            return named, unquote(path[1:], errors="strict")
        name, _, key = path[1:].partition("/")
        return unquote(name, errors="strict"), unquote(key, errors="strict")
    except UnicodeDecodeError:
        raise refuse("InvalidURI") from None
