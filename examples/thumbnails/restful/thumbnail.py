"""POST /thumbnail: a picture comes in, a small one goes out."""

import io
from typing import Literal

from PIL import Image, ImageOps, UnidentifiedImageError
from tapwater import File, Problem, Response, options

options(memory="512MB", timeout="15s", body_max="16MB", cpu=1)

SIDE_MAX = 1024
PIXELS_MAX = 50_000_000  # 150 MB unpacked: a small file can be a very large picture.
Image.MAX_IMAGE_PIXELS = PIXELS_MAX // 2  # Pillow refuses what has twice as many.
Format = Literal["jpeg", "png", "webp"]

Image.preinit()  # At deploy, so that no instance has to look for its plugins.


def post(picture: File, side: int = 256, format: Format = "webp") -> Response:
    """Scale an uploaded picture down so that it fits into a square, the right way up."""
    if not 1 <= side <= SIDE_MAX:
        raise Problem(422, f"side must be between 1 and {SIDE_MAX}", code="side")
    small = thumbnail(picture.read(), side)
    out = io.BytesIO()
    small.save(out, format=format)
    width, height = small.size
    headers = {"x-width": str(width), "x-height": str(height), "cache-control": "max-age=86400"}
    return Response(out.getvalue(), headers=headers, content_type=f"image/{format}")


def thumbnail(data: bytes, side: int) -> Image.Image:
    """Open, turn and scale a picture; say what is wrong if it is none."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.draft("RGB", (side, side))  # JPEG can be decoded at half its size at once.
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except Image.DecompressionBombError as error:
        raise Problem(413, f"A picture may have {PIXELS_MAX:,} pixels.", code="pixels") from error
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise Problem(
            415, f"This is no picture that I can read: {error}", code="picture"
        ) from error
    upright.thumbnail((side, side))
    return upright
