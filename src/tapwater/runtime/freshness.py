"""Make a forked process its own: nothing random may be the same in two instances."""

import os
import random
import sys

_SEED_BYTES = 48


def freshen() -> None:
    """Reseed what the parent had seeded: Python's generator, OpenSSL's, numpy's if it is loaded.

    ``secrets`` and ``uuid4`` ask the kernel each time; what uuid1 remembers is dropped.
    """
    random.seed()
    ssl = sys.modules.get("ssl")
    if ssl is not None and ssl.OPENSSL_VERSION_INFO < (3,):
        # It notices a fork only by handlers that a raw clone does not run; later ones look at
        # the pid. To touch OpenSSL costs a millisecond: its memory is copied.
        ssl.RAND_add(os.urandom(_SEED_BYTES), _SEED_BYTES)
    uuid = sys.modules.get("uuid")
    if uuid is not None:
        for name in ("_last_timestamp", "_node"):
            if hasattr(uuid, name):
                setattr(uuid, name, None)
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(int.from_bytes(os.urandom(4), "little"))
