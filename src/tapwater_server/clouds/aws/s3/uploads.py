"""Pages of unfinished uploads, by key and then by upload, with folders. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tapwater_server.model.blob import Upload
from tapwater_server.model.blob_paging import fold


@dataclass(slots=True, kw_only=True)
class FoldedUploads:
    """One page, and where the next one goes on."""

    uploads: list[Upload] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    next_key: str = ""
    next_upload: str = ""


def fold_uploads(
    uploads: Sequence[Upload],
    *,
    prefix: str,
    delimiter: str,
    after: tuple[str, str],
    count_max: int,
) -> FoldedUploads:
    """Take a page of them."""
    found = FoldedUploads()
    for upload in sorted(uploads, key=lambda one: (one.key, one.id)):
        folded = fold(upload.key, prefix, delimiter)
        if not _comes(upload, folded, after) or folded in found.prefixes:
            continue
        if len(found.uploads) + len(found.prefixes) == count_max:
            found.truncated = True
            return found
        if folded:
            found.prefixes.append(folded)
        else:
            found.uploads.append(upload)
        found.next_key, found.next_upload = folded or upload.key, "" if folded else upload.id
    found.next_key = found.next_upload = ""
    return found


def _comes(upload: Upload, folded: str, after: tuple[str, str]) -> bool:
    key, id = after
    if not key:
        return True
    if folded:
        return folded > key
    if upload.key == key:
        return bool(id) and upload.id > id
    return upload.key > key
