"""What a bucket's notification configuration says: which events go where. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

KIND = "s3/notification"  # S3 keeps it as {"xml": …}, by the bucket's name.
_PLACES = (
    ("TopicConfiguration", "Topic"),
    ("QueueConfiguration", "Queue"),
    ("CloudFunctionConfiguration", "CloudFunction"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One configuration of a bucket: who wants to hear of what."""

    id: str
    to: str  # ARN
    events: tuple[str, ...]  # "ObjectCreated:*", "ObjectRemoved:Delete"
    prefix: str = ""
    suffix: str = ""

    def wants(self, name: str, key: str) -> bool:
        """Say whether it is to be told of something that happened to a key.

        >>> Wish(id="1", to="a", events=("ObjectCreated:*",)).wants("ObjectCreated:Put", "x")
        True
        """
        fits = any(
            name == one or (one.endswith("*") and name.startswith(one[:-1])) for one in self.events
        )
        return fits and key.startswith(self.prefix) and key.endswith(self.suffix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """All of a bucket's."""

    wishes: tuple[Wish, ...] = ()
    bridged: bool = False  # everything goes to EventBridge


def read_wishes(xml: str) -> Wishes:
    """Read a configuration as S3 keeps it."""
    root = ElementTree.fromstring(xml)
    return Wishes(
        wishes=tuple(_wishes(root)), bridged=root.find("EventBridgeConfiguration") is not None
    )


def _wishes(root: Element) -> Iterator[Wish]:
    for number, (element, to) in enumerate(_elements(root)):
        rules = {
            (rule.findtext("Name") or "").lower(): rule.findtext("Value") or ""
            for rule in element.findall("Filter/S3Key/FilterRule")
        }
        yield Wish(
            id=element.findtext("Id") or f"wish-{number}",
            to=to,
            events=tuple((one.text or "").removeprefix("s3:") for one in element.findall("Event")),
            prefix=rules.get("prefix", ""),
            suffix=rules.get("suffix", ""),
        )


def _elements(root: Element) -> Iterator[tuple[Element, str]]:
    for kind, where in _PLACES:
        for element in root.findall(kind):
            yield element, element.findtext(where) or ""
