"""Whether a conditional request may go on (RFC 9110, section 13). Pure."""

from dataclasses import dataclass
from enum import Enum

from tapwater_server.model.blob import Blob
from tapwater_server.model.errors import PreconditionFailed

ANY = "*"


class Verdict(Enum):
    """What becomes of a conditional read."""

    GO = "go"
    UNCHANGED = "unchanged"  # The reader has it already.
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must hold. ETags are bare; ``*`` stands for any; a weak one never matches strongly."""

    match: tuple[str, ...] = ()
    none_match: tuple[str, ...] = ()
    modified_since: float | None = None
    unmodified_since: float | None = None


ALWAYS = Condition()


def judge_read(condition: Condition, blob: Blob) -> Verdict:
    """Say whether a reader gets what is there.

    >>> blob = Blob(bucket="b", key="k", version="null", size=0, etag="e", stored_at=5.5)
    >>> judge_read(Condition(none_match=("e",)), blob), judge_read(Condition(match=("x",)), blob)
    (<Verdict.UNCHANGED: 'unchanged'>, <Verdict.FAILED: 'failed'>)
    """
    if not _goes(condition, blob):
        return Verdict.FAILED
    if condition.none_match:
        same = _weakly_among(condition.none_match, blob.etag)
        return Verdict.UNCHANGED if same else Verdict.GO
    since = condition.modified_since
    # HTTP dates have whole seconds.
    if since is not None and int(blob.stored_at) <= since:
        return Verdict.UNCHANGED
    return Verdict.GO


def check_write(condition: Condition, blob: Blob | None) -> None:
    """Let a change pass if what is there now (None: nothing) is as its condition says.

    Raises:
        PreconditionFailed: it is not.
    """
    if not _goes(condition, blob):
        raise PreconditionFailed("what is stored there now is not what the condition names")
    there = blob is not None and _weakly_among(condition.none_match, blob.etag)
    if there:
        raise PreconditionFailed("there is already what the condition says must not be there")


def _goes(condition: Condition, blob: Blob | None) -> bool:
    """If-Match, or where there is none If-Unmodified-Since."""
    if condition.match:
        return blob is not None and (ANY in condition.match or blob.etag in condition.match)
    since = condition.unmodified_since
    return since is None or blob is None or int(blob.stored_at) <= since


def _weakly_among(tags: tuple[str, ...], etag: str) -> bool:
    return any(tag == ANY or tag.removeprefix("W/") == etag for tag in tags)
