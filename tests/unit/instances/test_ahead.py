"""Host and guest agree who has a call that was sent ahead, in whatever order they act."""

import os
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hypothesis import given
from hypothesis import strategies as some

from tapwater.runtime.claims import Claims
from tapwater.runtime.wire import AHEAD, SECOND
from tapwater_server.backends.memory.sandbox import MemoryGuest
from tapwater_server.instances.ahead import Ahead
