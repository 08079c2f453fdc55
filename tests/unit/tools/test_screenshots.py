"""The pictures of the dashboard: each is there, small enough, and the guide shows no other."""

import re

from tools.screenshots import FOLDER, PICTURE_BYTES_MAX, SHOTS

GUIDE = FOLDER.parent / "guides" / "dashboard.md"


def test_each_picture_is_there_and_small_enough() -> None:
    names = {f"{shot.name}.png" for shot in SHOTS}
    assert {path.name for path in FOLDER.iterdir()} == names
    assert all(path.stat().st_size <= PICTURE_BYTES_MAX for path in FOLDER.iterdir())


def test_the_guide_shows_pictures_that_are_there() -> None:
    shown = re.findall(r"\(\.\./dashboard/([a-z-]+)\.png\)", GUIDE.read_text())
    assert len(shown) > 20
    assert set(shown) <= {shot.name for shot in SHOTS}
