"""Call a function's file as the platform would, without a platform: for unit tests.

    result = call("users/restful/register.py", "POST", json={"email": "a@b.c"})
    assert result.status == 200

The same code binds the arguments and makes the answer as on the platform.
"""

from tapwater.testing.calling import call, send_event
from tapwater.testing.running import Bench, FunctionRaised, Result, run_program
from tapwater.testing.services import FakeServices, fake_services

__all__ = [
    "Bench",
    "FakeServices",
    "FunctionRaised",
    "Result",
    "call",
    "fake_services",
    "run_program",
    "send_event",
]
