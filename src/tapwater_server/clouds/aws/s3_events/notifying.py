"""From what happens to blobs to notifications: a part in the relay of our own event log."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.post.parcels import Chain, Parcel, errand_of
from tapwater_server.clouds.aws.reaching import Sent, Targets
from tapwater_server.clouds.aws.s3_events.configuration import KIND, Wishes, read_wishes
from tapwater_server.clouds.aws.shapes.bridged import bridged_event
from tapwater_server.clouds.aws.shapes.stored import (
    Happened,
    stored_detail,
    stored_event,
    stored_test,
)
from tapwater_server.model.blob import UNVERSIONED
from tapwater_server.model.blob_events import DELETED, STORED
from tapwater_server.model.event import Event
from tapwater_server.ports.bus import Errand
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Facts
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.listening import Serving

SERVICES = frozenset({"lambda", "sqs", "sns"})
READ_MAX = 1_000  # Configurations kept as they were read.
_SOURCE = "/blobs/"
_CREATED = {
    "put": "ObjectCreated:Put",
    "post": "ObjectCreated:Post",
    "copy": "ObjectCreated:Copy",
    "complete": "ObjectCreated:CompleteMultipartUpload",
}

Accounts = Callable[[str], Account]  # by the app that is its home


class Notifying:
    """Keeps ``ports.listening.Listeners``: hears of blobs, wherever they were stored."""

    def __init__(self, *, facts: Facts, accounts: Accounts) -> None:
        self._facts, self._accounts = facts, accounts

    def serving(self, line: str) -> Serving | None:
        return None

    def watch(self, told: Callable[[], None]) -> None:
        """It serves no line."""

    def heard(self, event: Event) -> Sequence[Errand]:
        if event.type not in {STORED, DELETED}:
            return ()
        bucket = event.source.removeprefix(_SOURCE)
        fact = self._facts.get(f"aws/{event.app}", KIND, bucket)
        if fact is None:
            return ()
        account = self._accounts(event.app)
        wishes = _read(str(fact.value["xml"]))
        happened = happened_of(event, account)
        if happened is None:
            return ()
        chain = Chain(root=event.root, depth=event.depth, trace=event.trace)
        parcels = parcels_of(wishes, happened, account)
        return [errand_of(parcel, account.home, chain) for parcel in parcels]


def happened_of(event: Event, account: Account) -> Happened | None:
    """Read an event of a blob as S3 tells it; None: S3 tells nothing of the kind."""
    said: Mapping[str, Any] = json.loads(event.data)
    name = _name(event.type, said)
    version = said.get("marker") or said.get("version") or ""
    if not name:
        return None
    return Happened(
        name=name,
        bucket=said["bucket"],
        key=said["key"],
        size=said["size"],
        etag=said["etag"],
        version="" if version == UNVERSIONED else version,
        at=event.at,
        id=event.id,
        account=account.id,
        region=account.region,
    )


def _name(type: str, said: Mapping[str, Any]) -> str:
    how = said.get("how", "")
    if type == DELETED:
        by = "LifecycleExpiration" if how == "expire" else "ObjectRemoved"
        return f"{by}:DeleteMarkerCreated" if said.get("marker") else f"{by}:Delete"
    if how in {"delete", "expire"}:
        return ""  # What a marker hid can be seen again: S3 tells of no new object then.
    if not how and "-" in said["etag"]:
        how = "complete"
    return _CREATED.get(how, _CREATED["put"])


def parcels_of(wishes: Wishes, happened: Happened, account: Account) -> Iterator[Parcel]:
    """Write what goes out: one parcel for each who wants to hear of it."""
    for wish in wishes.wishes:
        if wish.wants(happened.name, happened.key):
            body = stored_event(happened, configuration=wish.id)
            yield _parcel(happened, account, wish.to, wish.id, body, subject=SUBJECT)
    if wishes.bridged:
        kind, detail = stored_detail(happened)
        arn = f"arn:aws:s3:::{happened.bucket}"
        to = account.arn("events", "event-bus/default")
        body = bridged_event(
            account,
            id=_id(happened, to),
            source="aws.s3",
            kind=kind,
            at=happened.at,
            resources=[arn],
            detail=detail,
        )
        yield _parcel(happened, account, to, "", body)


SUBJECT = "Amazon S3 Notification"


def _parcel(
    happened: Happened,
    account: Account,
    to: str,
    wish: str,
    body: Mapping[str, Any],
    *,
    subject: str = "",
) -> Parcel:
    return Parcel(
        id=_id(happened, f"{wish}\0{to}"),
        account=account.id,
        region=account.region,
        to=to,
        body=json.dumps(body, ensure_ascii=False),
        source=f"arn:aws:s3:::{happened.bucket}",
        subject=subject,
    )


def _id(happened: Happened, place: str) -> str:
    """Make an id that looks like a UUID, the same whenever it is made."""
    said = f"{happened.account}\0{happened.id}\0{place}".encode()
    digits = blake2b(said, digest_size=16).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


@lru_cache(maxsize=READ_MAX)
def _read(xml: str) -> Wishes:
    return read_wishes(xml)


class Announcing:
    """Sees to a new configuration: that its places are there, and are told of it once."""

    def __init__(self, *, targets: Targets, clock: Clock, ids: IdSource) -> None:
        self._targets, self._clock, self._ids = targets, clock, ids

    async def announce(
        self, account: Account, bucket: str, xml: str, *, checked: bool = True
    ) -> None:
        """Send the test event to queues and topics.

        Raises:
            AwsError: InvalidArgument: one of the places is not there, or takes nothing.
        """
        places = list(dict.fromkeys(wish.to for wish in read_wishes(xml).wishes))
        if checked:
            for to in places:
                self._check(account, to)
        at, id = self._clock.now(), self._ids.fresh()
        body = json.dumps(stored_test(bucket, at=at, id=id)).encode()
        for to in places:
            if _service(to) != "lambda":
                source = f"arn:aws:s3:::{bucket}"
                sent = Sent(body=body, source=source, id=f"{id}.{to}", subject=SUBJECT)
                await self._targets.send(account, to, sent)

    def _check(self, account: Account, to: str) -> None:
        if _service(to) not in SERVICES or not self._targets.exists(account, to):
            raise AwsError(
                "InvalidArgument",
                "Unable to validate the following destination configurations",
                400,
                facts={"ArgumentName": to, "ArgumentValue": "The destination does not exist"},
            )


def _service(arn: str) -> str:
    parsed = parse_arn(arn)
    return parsed.service if parsed is not None else ""
