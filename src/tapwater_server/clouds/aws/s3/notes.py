"""What S3 keeps of an object beside its content: its owner, its list, its class. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tapwater_server.clouds.aws.s3.acl import Acl, kept, own, read_kept
from tapwater_server.clouds.aws.s3.places import Place

STANDARD = "STANDARD"
COMPOSITE, FULL_OBJECT = "COMPOSITE", "FULL_OBJECT"


@dataclass(frozen=True, slots=True)
class Notes:
    """Reads ``About.notes``."""

    values: Mapping[str, str] = field(default_factory=dict)

    def owner(self, place: Place) -> str:
        """Whose it is; where lists count for nothing, the bucket's owner's."""
        return place.owner if place.enforced else self.values.get("owner", place.owner)

    def acl(self, place: Place) -> Acl:
        said = self.values.get("acl")
        owner = self.owner(place)
        return own(owner) if said is None or place.enforced else read_kept(said)

    @property
    def storage_class(self) -> str:
        return self.values.get("class", STANDARD)

    @property
    def expires(self) -> str:
        return self.values.get("expires", "")

    @property
    def redirect(self) -> str:
        return self.values.get("redirect", "")

    @property
    def encryption(self) -> str:
        return self.values.get("sse", "")

    @property
    def checksum_type(self) -> str:
        return self.values.get("sum", FULL_OBJECT)

    @property
    def numbers(self) -> Sequence[int] | None:
        """The numbers its parts had; None: 1, 2, 3, …"""
        said = self.values.get("numbers")
        return [int(one) for one in said.split(",")] if said else None

    def part_sum(self, at: int) -> Mapping[str, str]:
        """The checksum of its n-th part, if that was asked for."""
        said = self.values.get("part-sums")
        return {self.values["part-sum"]: said.split(",")[at]} if said else {}

    def but(self, **changes: str) -> dict[str, str]:
        """Give what is to be kept instead; "" forgets something."""
        merged = {**self.values, **changes}
        return {name: value for name, value in merged.items() if value}


def acl_note(acl: Acl) -> str:
    return kept(acl)
