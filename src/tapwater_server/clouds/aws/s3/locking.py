"""Object lock: what a bucket locks by itself, retention and legal holds of versions."""

from collections.abc import Callable
from dataclasses import replace
from xml.etree.ElementTree import Element

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.s3.call import Call, done, xml
from tapwater_server.clouds.aws.s3.describing import COMPLIANCE, GOVERNANCE, mode_of
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.markup import kept, read, tag, text_of
from tapwater_server.clouds.aws.s3.places import Place
from tapwater_server.clouds.aws.s3.stores import Means
from tapwater_server.clouds.aws.s3.times import iso_exact, read_iso
from tapwater_server.model.blob import Lock, Versioning
from tapwater_server.ports.blobs import Held

DAY_S = 24 * 3600.0
YEARS_MAX, DAYS_MAX = 100, 36_500
_CONFIG = "object-lock"


class Locking:
    """Locks versions, and says how they are locked. Our blobs see to it that they stay."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def get_config(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        if not place.locks:
            raise refuse("ObjectLockConfigurationNotFoundError")
        rule = self._means.places.config(call.account, _CONFIG, call.bucket) or ""
        return xml("ObjectLockConfiguration", tag("ObjectLockEnabled", "Enabled") + rule)

    async def put_config(self, call: Call) -> AwsAnswer:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
        root = await call.markup("ObjectLockConfiguration")
        if text_of(root, "ObjectLockEnabled") != "Enabled":
            raise refuse("MalformedXML")
        rule = root.find("Rule")
        if rule is not None:
            _check_rule(rule)
        if place.bucket.versioning is not Versioning.ON:
            raise refuse(
                "InvalidBucketState",
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
            )
        if not place.locks:
            await self._means.places.change(
                call.account, call.bucket, locks=True, owner=place.owner
            )
        text = None if rule is None else kept(rule)
        await self._means.places.set_config(call.account, _CONFIG, call.bucket, text)
        return done(200)

    async def get_retention(self, call: Call) -> AwsAnswer:
        held = await self._held(call)
        lock = held.blob.about.lock
        if lock is None or not lock.until:
            raise refuse("NoSuchObjectLockConfiguration")
        return xml(
            "Retention", tag("Mode", mode_of(lock)) + tag("RetainUntilDate", iso_exact(lock.until))
        )

    async def put_retention(self, call: Call) -> AwsAnswer:
        held = await self._held(call)
        root = await call.markup("Retention")
        mode, until = text_of(root, "Mode"), read_iso(text_of(root, "RetainUntilDate"))
        if len(root) == 0:
            mode, until = "", 0.0
        elif mode not in (GOVERNANCE, COMPLIANCE) or until is None:
            raise refuse("MalformedXML")
        if until and until <= self._means.clock.now():
            raise refuse("InvalidArgument", "The retain until date must be in the future!")

        def change(old: Lock) -> Lock:
            self._check_loosened(call, old, mode=mode, until=until or 0.0)
            return replace(old, until=until or 0.0, yields=mode == GOVERNANCE)

        await self._set(call, held, change)
        return done(200)

    async def get_hold(self, call: Call) -> AwsAnswer:
        held = await self._held(call)
        lock = held.blob.about.lock
        if lock is None:
            raise refuse("NoSuchObjectLockConfiguration")
        return xml("LegalHold", tag("Status", "ON" if lock.held else "OFF"))

    async def put_hold(self, call: Call) -> AwsAnswer:
        held = await self._held(call)
        root = await call.markup("LegalHold")
        status = text_of(root, "Status")
        if status not in ("ON", "OFF"):
            raise refuse("MalformedXML")
        await self._set(call, held, lambda old: replace(old, held=status == "ON"))
        return done(200)

    async def _held(self, call: Call) -> Held:
        place = await self._means.place(call)
        if not self._means.access.may(call, place, key=call.key):
            raise refuse("AccessDenied")
        if not place.locks:
            raise refuse("InvalidRequest", "Bucket is missing Object Lock Configuration")
        held = await self._means.store.find(call.app, call.naming)
        if held is None or held.blob.marker:
            raise refuse("NoSuchVersion" if call.naming.version else "NoSuchKey", Key=call.key)
        return held

    def _check_loosened(self, call: Call, old: Lock, *, mode: str, until: float) -> None:
        """What is locked may be locked for longer; for shorter only where it yields."""
        if old.until <= self._means.clock.now():
            return
        looser = until < old.until or mode != mode_of(old)
        if looser and not (old.yields and bypasses(self._means, call)):
            raise refuse("AccessDenied", "Access Denied because object protected by object lock.")

    async def _set(self, call: Call, held: Held, change: Callable[[Lock], Lock]) -> None:
        await self._means.redescribe(
            call,
            held.blob.version,
            lambda about: replace(about, lock=change(about.lock or Lock())),
        )


def bypasses(means: Means, call: Call) -> bool:
    """Whether the caller says that governance does not matter; who owns the bucket may."""
    return call.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"


def locked(means: Means, call: Call, place: Place, said: Lock | None) -> Lock | None:
    """Give the lock that a new version gets: what was said, and what the bucket adds."""
    if said is not None and said.until and said.until <= means.clock.now():
        raise refuse("InvalidArgument", "The retain until date must be in the future!")
    if not place.locks or (said is not None and said.until):
        return said
    text = means.places.config(call.account, _CONFIG, place.name)
    if text is None:
        return said
    rule = read(text.encode())
    days = float(text_of(rule, "DefaultRetention/Days") or 0)
    days += 365 * float(text_of(rule, "DefaultRetention/Years") or 0)
    yields = text_of(rule, "DefaultRetention/Mode") == GOVERNANCE
    until = means.clock.now() + days * DAY_S
    return Lock(until=until, held=said is not None and said.held, yields=yields)


def _check_rule(rule: Element) -> None:
    retention = rule.find("DefaultRetention")
    if retention is None or text_of(retention, "Mode") not in (GOVERNANCE, COMPLIANCE):
        raise refuse("MalformedXML")
    days, years = text_of(retention, "Days"), text_of(retention, "Years")
    if bool(days) == bool(years):
        raise refuse("MalformedXML")
    said, most = (days, DAYS_MAX) if days else (years, YEARS_MAX)
    try:
        number = int(said)
    except ValueError:
        raise refuse("MalformedXML") from None
    if number <= 0:
        raise refuse("InvalidRetentionPeriod")
    if number > most:
        raise refuse("InvalidRetentionPeriod", "Default retention period too large")
