"""Look at the stacks of a function's running calls for a while.

PRF-1  Every instance of the function is looked at, of all revisions, also those that start
       meanwhile.
PRF-2  It ends after the seconds asked for, whatever instances do; one that dies spoils nothing.
PRF-3  What instances tell is input from an enemy: bounded, and checked before it is added.
PRF-4  When it ends, or who asked has gone, nobody looks any more: calls cost what they did before.
"""

from typing import Protocol

from tapwater_server.model.profile import Profile, ProfileAsked


class Profiling(Protocol):
    """Looks at live calls."""

    async def profile(self, asked: ProfileAsked) -> Profile:
        """Look for the time asked for, and give what was seen.

        Raises:
            Conflict: too many profiles are being taken.
        """
        ...
