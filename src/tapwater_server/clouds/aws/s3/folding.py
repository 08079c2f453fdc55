"""Pages of versions with folders: what our blobs list flat. Pure but for ``scan``."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from tapwater_server.model.blob import Blob, Page
from tapwater_server.model.blob_paging import fold
from tapwater_server.ports.blobs import Listing

_LAST = "\U0010ffff" * 260  # Behind each key below a prefix: keys have a ceiling.
Scan = Callable[[Listing, str], Awaitable[Page]]


@dataclass(slots=True, kw_only=True)
class Folded:
    """One page, and where the next one goes on."""

    blobs: list[Blob] = field(default_factory=list)
    prefixes: tuple[str, ...] = ()
    truncated: bool = False
    next_key: str = ""
    next_version: str = ""


async def fold_versions(scan: Scan, listing: Listing, *, after_version: str) -> Folded:
    """List versions; keys that share what comes up to the delimiter are one entry."""
    found = Folded()
    if listing.count_max == 0:
        return found
    after, version = listing.after, after_version
    if after and not version and fold(after, listing.prefix, listing.delimiter) == after:
        after += _LAST
    while True:
        page = await scan(replace(listing, after=after, delimiter=""), version)
        jump = _take(found, page, listing)
        if found.truncated or (jump is None and not page.next):
            return found
        after, version = jump or tuple(page.next.split("\0", 1))


def _take(found: Folded, page: Page, listing: Listing) -> tuple[str, str] | None:
    """Take entries; gives where to go on if that is behind a folder."""
    for blob in page.blobs:
        if len(found.blobs) + len(found.prefixes) == listing.count_max:
            found.truncated = True
            return None
        folded = fold(blob.key, listing.prefix, listing.delimiter)
        if folded:
            found.prefixes += (folded,)
            found.next_key, found.next_version = folded, ""
            return folded + _LAST, ""
        found.blobs.append(blob)
        found.next_key, found.next_version = blob.key, blob.version
    return None
