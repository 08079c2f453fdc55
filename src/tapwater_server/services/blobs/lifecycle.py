"""What buckets let go by themselves: old blobs, old versions, uploads that nobody ends."""

import asyncio
from dataclasses import replace

from tapwater_server.model.blob import Blob, Bucket, Cause, LifecycleRule
from tapwater_server.model.blob_conditions import Condition
from tapwater_server.model.errors import NotAllowed, PreconditionFailed
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import PAGE_MAX, Aged, BlobFacts, Naming
from tapwater_server.ports.clock import Clock

DAY_S = 24 * 3600.0
UPLOAD_DAYS_MAX = 7.0  # With or without a rule, as in R2: parts must not lie about for ever.
_AT_ONCE_MAX = 100  # Deletions that wait for one commit.
_CAUSE = Cause(how="expire")


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
        return gone + await self._give_up_forgotten()

    async def _give_up_forgotten(self) -> int:
        """An upload that nobody has ended for so long will not be ended."""
        gone, before = 0, self._clock.now() - UPLOAD_DAYS_MAX * DAY_S
        while found := await self._facts.stale(before=before, count_max=PAGE_MAX):
            for app, upload in found:
                gone += await self._facts.abort(app, upload.id)
        return gone

    async def _obey(self, app: AppId, bucket: Bucket, rule: LifecycleRule) -> int:
        gone, now = 0, self._clock.now()
        meant = Aged(
            bucket=bucket.name,
            prefix=rule.prefix,
            tags=rule.tags,
            size_over=rule.size_over,
            size_under=rule.size_under,
        )
        if rule.expire_days > 0:
            before = now - rule.expire_days * DAY_S
            gone += await self._expire(app, replace(meant, stored_before=before))
        if 0 < rule.expire_at <= now:
            gone += await self._expire(app, replace(meant, stored_before=now))
        if rule.drop_old_days > 0:
            before = now - rule.drop_old_days * DAY_S
            old = replace(meant, replaced_before=before, keep_old_max=rule.keep_old_max)
            gone += await self._expire(app, old)
        if rule.drop_markers:
            markers = Aged(bucket=bucket.name, prefix=rule.prefix, markers_before=now)
            gone += await self._expire(app, markers)
        if rule.abort_upload_days > 0:
            before = now - rule.abort_upload_days * DAY_S
            gone += await self._abort(app, bucket.name, rule.prefix, before)
        return gone

    async def _expire(self, app: AppId, aged: Aged) -> int:
        gone = 0
        while found := await self._facts.aged(app, aged):
            went = 0
            for at in range(0, len(found), _AT_ONCE_MAX):
                portion = found[at : at + _AT_ONCE_MAX]
                ends = await asyncio.gather(*(self._delete(app, blob, aged) for blob in portion))
                went += sum(ends)
            gone += went
            if went == 0 or len(found) < aged.count_max:
                break
        return gone

    async def _delete(self, app: AppId, blob: Blob, aged: Aged) -> bool:
        """Let one go, unless it was stored again meanwhile and is young."""
        version = blob.version if aged.stored_before is None else ""
        naming = Naming(bucket=blob.bucket, key=blob.key, version=version)
        unchanged = Condition(unmodified_since=int(blob.stored_at))
        try:
            found = await self._facts.delete(app, naming, condition=unchanged, cause=_CAUSE)
        except (PreconditionFailed, NotAllowed):
            return False
        return found is not None

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
