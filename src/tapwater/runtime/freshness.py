"""Make a forked process its own: nothing random may be the same in two instances."""

import os
import random
import sys

_SEED_BYTES = 48


def freshen() -> None:
    """Reseed what the parent had seeded: Python's generator, OpenSSL's, numpy's if it is loaded.

    ``secrets`` and ``uuid4`` ask the kernel each time; what uuid1 remembers is dropped.
    """
    random.seed(os.urandom(64))
    ssl = sys.modules.get("ssl")
    if ssl is not None:
        # OpenSSL before 3.0 notices a fork only by handlers that a raw clone does not run.
        ssl.RAND_add(os.urandom(_SEED_BYTES), _SEED_BYTES)
    uuid = sys.modules.get("uuid")
    if uuid is not None:
        for name in ("_last_timestamp", "_node"):
            if hasattr(uuid, name):
                setattr(uuid, name, None)
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(int.from_bytes(os.urandom(4), "little"))
