"""Tags, in the lists of keys and values that most services write them as. Pure."""

from collections.abc import Collection, Iterable, Mapping


def tags_in(said: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Read a list of tags; one that has no value has an empty one.

    >>> tags_in([{"Key": "team", "Value": "web"}, {"Key": "old"}]), tags_in(None)
    ({'team': 'web', 'old': ''}, {})
    """
    return {one["Key"]: one.get("Value", "") for one in said or ()}


def tags_out(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Write them, in the order they are kept in.

    >>> tags_out({"team": "web"})
    [{'Key': 'team', 'Value': 'web'}]
    """
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def untagged(tags: Mapping[str, str], gone: Collection[str]) -> dict[str, str]:
    """Take tags away.

    >>> untagged({"team": "web", "old": ""}, ["old", "other"])
    {'team': 'web'}
    """
    return {name: value for name, value in tags.items() if name not in gone}
