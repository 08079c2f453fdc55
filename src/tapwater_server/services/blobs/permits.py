"""Who may do what to which blob: functions and tokens everything, signed URLs one thing, and
all others what the app's rules say.
"""

from collections.abc import Mapping
from typing import Any

from tapwater_server.model.blob import Blob, Draft
from tapwater_server.model.errors import Invalid, NotAllowed, NotFound
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.rules import Action, Rules
from tapwater_server.services.blobs import signing
from tapwater_server.services.blobs.signing import Grant
from tapwater_server.web.asked import Asked

_SERVICE = "blobs"
_ANY = "*"
_DEEP = 40  # Folders; a rule names fewer.


class Permits:
    """Judges requests. What one may not read is not there."""

    def __init__(self, *, rules: Rules, key: bytes, clock: Clock) -> None:
        self._rules, self._key, self._clock = rules, key, clock

    def grant(self, asked: Asked, bucket: str, key: str) -> Grant | None:
        """Give what a signed URL allows; None: this is none.

        Raises:
            NotAllowed: it is not true, or expired.
        """
        if not signing.is_signed(asked.query):
            return None
        grant = signing.read_grant(
            asked.query, method=asked.method, app=asked.app, bucket=bucket, key=key
        )
        signing.check(grant, asked.query["signature"], key=self._key, now=self._clock.now())
        return grant

    def read(self, asked: Asked, blob: Blob) -> None:
        """Let a reader pass.

        Raises:
            NotFound: for this reader there is no such blob.
        """
        path = f"{blob.bucket}/{blob.key}"
        if not self._allows(asked, Action.READ, path, old=facts_of(blob)):
            raise NotFound(f"there is no blob {path}")

    def list(self, asked: Asked, bucket: str, prefix: str, *, one_level: bool) -> None:
        """Let pass who may see the names in a folder, or at all levels below it.

        It is judged as the path of a blob called ``*`` in that folder; or, for all levels, so far
        down that only a rule for everything below (``**``) covers it.

        Raises:
            NotAllowed: not this one.
        """
        # Names that begin with "4" are 42's as much as 43's: what a rule says of one is no answer.
        if self.binds(asked) and prefix and not prefix.endswith("/"):
            raise NotAllowed("list a whole folder: the prefix must end with a slash")
        path = f"{bucket}/{prefix}" + (_ANY if one_level else "/".join([_ANY] * _DEEP))
        if not self._allows(asked, Action.LIST, path):
            raise NotAllowed("the app's rules do not let you list this")

    def write(self, asked: Asked, draft: Draft, old: Blob | None) -> None:
        """Let pass who may store this here.

        Raises:
            NotAllowed: not this one, or not this content.
        """
        action = Action.CREATE if old is None else Action.UPDATE
        path = f"{draft.bucket}/{draft.key}"
        before = None if old is None else facts_of(old)
        if not self._allows(asked, action, path, old=before, new=facts_of(draft)):
            raise NotAllowed("the app's rules do not let you store this here")

    def delete(self, asked: Asked, old: Blob) -> None:
        """Let pass who may delete this.

        Raises:
            NotFound: whoever may not even read it.
            NotAllowed: whoever may.
        """
        if not self._allows(asked, Action.DELETE, f"{old.bucket}/{old.key}", old=facts_of(old)):
            self.read(asked, old)
            raise NotAllowed("the app's rules do not let you delete this")

    def binds(self, asked: Asked) -> bool:
        """Say whether rules apply to who asks."""
        return not asked.who.is_trusted(asked.app)

    def _allows(
        self,
        asked: Asked,
        action: Action,
        path: str,
        *,
        old: Mapping[str, Any] | None = None,
        new: Mapping[str, Any] | None = None,
    ) -> bool:
        if not self.binds(asked):
            return True
        return self._rules.allows(
            asked.app, asked.who, service=_SERVICE, action=action, path=path, old=old, new=new
        )


def facts_of(blob: Blob | Draft) -> dict[str, Any]:
    """What rules can ask about a blob."""
    facts: dict[str, Any] = {
        "bucket": blob.bucket,
        "key": blob.key,
        "size": blob.size,
        "content_type": blob.about.content_type,
        "metadata": dict(blob.about.metadata),
        "tags": dict(blob.about.tags),
    }
    if isinstance(blob, Blob):
        facts |= {"etag": blob.etag, "stored_at": blob.stored_at, "version": blob.version}
    return facts


def declared_size(asked: Asked) -> int:
    """Say how much content is announced; rules must be able to judge it before it comes.

    Raises:
        Invalid: nothing is announced.
    """
    said = asked.headers.get("content-length", "")
    if not said.isdigit() or len(said) > 18:
        raise Invalid("say with Content-Length how much you send")
    return int(said)
