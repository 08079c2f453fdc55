"""Which versions of a key in memory have had their time. Pure."""

from collections.abc import Sequence

from tapwater_server.model.blob import Blob
from tapwater_server.ports.blobs import Aged

Dated = tuple[Blob, float | None]  # and when another one took its place


def due_of(stack: Sequence[Dated], aged: Aged) -> Sequence[Blob]:
    """Of the versions of one key, oldest first, say which are meant and due."""
    if not stack:
        return []
    *old, (top, _) = stack
    if not old and top.marker:
        before = aged.markers_before if aged.markers_before is not None else aged.replaced_before
        due = before is not None and top.stored_at < before and _is_plain(aged)
        return [top] if due else []
    if aged.stored_before is not None:
        due = not top.marker and top.stored_at < aged.stored_before
        return [top] if due and _is_chosen(top, aged) else []
    if aged.replaced_before is None:
        return []
    outnumbered = old[: max(0, len(old) - aged.keep_old_max)]
    return [
        blob
        for blob, replaced_at in outnumbered
        if replaced_at is not None and replaced_at < aged.replaced_before and _is_chosen(blob, aged)
    ]


def _is_plain(aged: Aged) -> bool:
    """Whether all of a prefix are meant, and so its markers."""
    return not aged.tags and aged.size_over < 0 and not aged.size_under


def _is_chosen(blob: Blob, aged: Aged) -> bool:
    """Whether it is one of those that are meant, by its tags and size."""
    return (
        aged.tags.items() <= dict(blob.about.tags).items()
        and blob.size > aged.size_over
        and (not aged.size_under or blob.size < aged.size_under)
    )
