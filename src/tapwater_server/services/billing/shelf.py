"""Which tariffs there are: ours, by the month it holds from, and the clouds'. Pure."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from tapwater_server.model.errors import NotFound
from tapwater_server.model.tariff import Tariff

OURS = "ours"


class Shelf:
    """``own`` has our tariffs, each with the first month it holds for ("": from the beginning),
    so that a price of today does not change the bill of last year. ``read_shadows`` gives those
    of the clouds, when somebody first asks for them: no start waits for that.
    """

    def __init__(
        self,
        *,
        own: Sequence[tuple[str, Tariff]],
        read_shadows: Callable[[], Sequence[Tariff]] = tuple,
    ) -> None:
        assert own, "there is always one of ours"
        self._own = sorted(own, key=lambda one: one[0])
        self._read_shadows = read_shadows

    @cached_property
    def _shadows(self) -> Mapping[str, Tariff]:
        return {tariff.name: tariff for tariff in self._read_shadows()}

    def own(self, month: str) -> Tariff:
        """Give ours as it was in a month: "2026-11"."""
        found = self._own[0][1]
        for since, tariff in self._own:
            if since <= month:
                found = tariff
        return found

    def find(self, name: str, month: str) -> Tariff:
        """Find a tariff by its name.

        Raises:
            NotFound: there is none of that name.
        """
        if name in ("", OURS):
            return self.own(month)
        if name not in self._shadows:
            there = ", ".join((OURS, *self._shadows))
            raise NotFound(f"there is no tariff {name[:50]!r}; there are {there}")
        return self._shadows[name]

    def all(self, month: str) -> Sequence[Tariff]:
        """All of them, ours first."""
        return (self.own(month), *self._shadows.values())
