"""Finds again what a step that was broken off has made under an id that the service gave it.

What can have tags is marked before it is made; the parts of an API are known by what they are for.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.cloudformation.kind import Doing, Find, is_gone, tags_of

MARK = "tapwater:made-by"  # The tag with the token of the step.
PAGES_MAX = 100
Item = Mapping[str, Any]


def marked(doing: Doing) -> dict[str, str]:
    """Give a resource's tags, and the mark by which it is found again."""
    return {**tags_of(doing.want, doing.tags), MARK: doing.token}


def is_marked(doing: Doing, item: Item) -> bool:
    """Tell whether this very step has made something."""
    tags = item.get("tags") or item.get("Tags") or {}
    return bool(tags.get(MARK) == doing.token)


def mark_if_named(doing: Doing, given: str) -> dict[str, str]:
    """Give a resource's tags; what has a name of the user's is marked, for it may be another's."""
    return marked(doing) if doing.want.get(given) else tags_of(doing.want, doing.tags)


def same(*pairs: tuple[str, str]) -> Callable[[Doing, Item], bool]:
    """Tell by properties: each as the template calls it, and as the service does."""

    def is_it(doing: Doing, item: Item) -> bool:
        return all(str(item.get(its)) == str(doing.want.get(ours)) for ours, its in pairs)

    return is_it


def finder(
    service: str,
    operation: str,
    *,
    items: str,
    id: str,
    is_it: Callable[[Doing, Item], bool],
    given: Mapping[str, str] | None = None,
) -> Find:
    """Look through what an operation lists. ``given``: its parameters, and the properties that
    they are.
    """
    asks, gives = ("NextToken",) * 2 if service == "apigatewayv2" else ("position",) * 2

    async def find(doing: Doing) -> str:
        more: dict[str, Any] = {name: doing.want[ours] for name, ours in (given or {}).items()}
        for _ in range(PAGES_MAX):
            try:
                page = await doing.call(service, operation, **more)
            except AwsError as error:
                if is_gone(error):
                    return ""
                raise
            found = next((one for one in page.get(items) or [] if is_it(doing, one)), None)
            if found is not None:
                return str(found[id])
            if not page.get(gives):
                break
            more[asks] = page[gives]
        return ""

    return find


def part_finder(operation: str, is_it: Callable[[Doing, Item], bool], *, id: str = "id") -> Find:
    """Look through the parts of a REST API."""
    given = {"restApiId": "RestApiId"}
    return finder("apigateway", operation, items="items", id=id, is_it=is_it, given=given)
