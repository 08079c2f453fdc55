"""Pages of a list that is in memory: the token is the key that the page ended with. Pure."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def page_of(
    found: Sequence[T], key: Callable[[T], str], *, token: str | None, count_max: int
) -> tuple[Sequence[T], str | None]:
    """Cut a page out of what is sorted by its keys; give the next page's token, if there is one.

    >>> page, token = page_of(["a", "b", "c"], str, token=None, count_max=2)
    >>> page, page_of(["a", "b", "c"], str, token=token, count_max=2)[0]
    (['a', 'b'], ['c'])

    Raises:
        ValueError: that is no token.
    """
    after = _read(token) if token else ""
    left = [one for one in found if key(one) > after]
    page = left[:count_max]
    more = len(left) > count_max
    return page, _write(key(page[-1])) if more else None


def _write(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _read(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        raise ValueError("this is no token of ours") from None
