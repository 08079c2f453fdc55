"""Runs when an uploaded picture was deleted: what was made of it goes too."""

from tapwater import blobs, docs, on


@on.blob_deleted("originals/{name}")
def forget(name: str) -> None:
    blobs.delete(f"thumbs/{name}.webp")
    docs.delete(f"photos/{name}")
