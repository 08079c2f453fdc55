"""Runs when a picture was uploaded: stores a small one, and a document that the page shows."""

import io
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError
from tapwater import blobs, docs, on

SIDE = 240
PIXELS_MAX = 50_000_000
Image.MAX_IMAGE_PIXELS = PIXELS_MAX // 2  # Pillow refuses what has twice as many.
Image.preinit()  # At deploy, so that no instance has to look for its plugins.


@on.upload("originals/{name}", retries=2)
def make_thumbnail(name: str, data: dict[str, Any]) -> str:
    """Make it, and tell of it. Doing it twice ends in the same."""
    try:
        small = thumbnail(blobs.get(f"originals/{name}"))
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        # Trying again would not make a picture of it: it is told, and that is all.
        docs.set(f"photos/{name}", {"name": name, "failed": str(error)})
        return "no picture"
    blobs.put(f"thumbs/{name}.webp", small, content_type="image/webp", cache_control="max-age=3600")
    docs.set(f"photos/{name}", {"name": name, "thumb": f"{name}.webp", "bytes": data["size"]})
    return "made"


def thumbnail(data: bytes) -> bytes:
    """Scale a picture down so that it fits into a square, the right way up."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("RGB", (SIDE, SIDE))
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    upright.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    upright.save(out, format="webp")
    return out.getvalue()
