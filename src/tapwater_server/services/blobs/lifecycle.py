"""What buckets let go by themselves: old blobs, old versions, uploads that nobody ends."""

from tapwater_server.model.blob import Bucket, Cause, LifecycleRule
from tapwater_server.model.blob_conditions import Condition
from tapwater_server.model.errors import PreconditionFailed
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import PAGE_MAX, Aged, BlobFacts, Naming
from tapwater_server.ports.clock import Clock

DAY_S = 24 * 3600.0
_CAUSE = Cause()


class Lifecycle:
    """A loop's step: everything that is due goes."""

    def __init__(self, *, facts: BlobFacts, clock: Clock) -> None:
        self._facts, self._clock = facts, clock

    async def step(self) -> int:
        """Obey the rules of all buckets once; say how much went."""
        gone = 0
        for app, bucket in await self._facts.living():
            for rule in bucket.lifecycle:
                gone += await self._obey(app, bucket, rule)
        return gone

    async def _obey(self, app: AppId, bucket: Bucket, rule: LifecycleRule) -> int:
        gone, now = 0, self._clock.now()
        if rule.expire_days > 0:
            before = now - rule.expire_days * DAY_S
            aged = Aged(bucket=bucket.name, prefix=rule.prefix, stored_before=before)
            gone += await self._expire(app, aged)
        if rule.drop_old_days > 0:
            aged = Aged(
                bucket=bucket.name,
                prefix=rule.prefix,
                replaced_before=now - rule.drop_old_days * DAY_S,
                keep_old_max=rule.keep_old_max,
            )
            gone += await self._expire(app, aged)
        if rule.abort_upload_days > 0:
            before = now - rule.abort_upload_days * DAY_S
            gone += await self._abort(app, bucket.name, rule.prefix, before)
        return gone

    async def _expire(self, app: AppId, aged: Aged) -> int:
        gone = 0
        while found := await self._facts.aged(app, aged):
            went = 0
            for blob in found:
                naming = Naming(
                    bucket=blob.bucket,
                    key=blob.key,
                    version=blob.version if aged.stored_before is None else "",
                )
                # What was stored again meanwhile is young.
                unchanged = Condition(unmodified_since=int(blob.stored_at))
                try:
                    deleted = await self._facts.delete(
                        app, naming, condition=unchanged, cause=_CAUSE
                    )
                except PreconditionFailed:
                    continue
                went += deleted is not None
            gone += went
            if went == 0 or len(found) < aged.count_max:
                break
        return gone

    async def _abort(self, app: AppId, bucket: str, prefix: str, before: float) -> int:
        gone, after = 0, ""
        while True:
            found = await self._facts.uploads(
                app, bucket, prefix=prefix, after=after, count_max=PAGE_MAX
            )
            for upload in found:
                if upload.begun_at < before:
                    gone += await self._facts.abort(app, upload.id)
            if len(found) < PAGE_MAX:
                return gone
            after = found[-1].id
