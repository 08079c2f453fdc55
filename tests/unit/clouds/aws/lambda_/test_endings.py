"""How calls end, as Lambda tells it."""

import json

import pytest

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_.endings import read_outcome
from tapwater_server.model.invocation import Ending, Headers, Outcome, Usage


def ended(ending: Ending, message: str = "", *, status: int = 0, body: bytes = b"") -> Outcome:
    headers: Headers = [(b"lambda-function-error", b"Unhandled")] if status == 500 else []
    return Outcome(
        ending=ending, usage=Usage(), message=message, status=status, headers=headers, body=body
    )


def read(outcome: Outcome) -> tuple[bytes, str]:
    return read_outcome(outcome, request="r-1", timeout_s=3.0)


def test_an_answer_is_the_payload() -> None:
    assert read(ended(Ending.OK, status=200, body=b"{}")) == (b"{}", "")
    assert read(ended(Ending.OK, status=500, body=b'{"e":1}')) == (b'{"e":1}', "Unhandled")


@pytest.mark.parametrize(
    ("outcome", "kind", "message"),
    [
        (ended(Ending.TIMED_OUT), "Sandbox.Timedout", "Error: Task timed out after 3.00 seconds"),
        (
            ended(Ending.CRASHED, "the process ended by itself with exit code 7"),
            "Runtime.ExitError",
            "Error: Runtime exited with error: exit status 7",
        ),
        (
            ended(Ending.CRASHED, "the process was killed by SIGSEGV (segmentation fault)"),
            "Runtime.ExitError",
            "Error: Runtime exited with error: signal: segmentation fault",
        ),
        (
            ended(Ending.OUT_OF_MEMORY),
            "Runtime.ExitError",
            "Error: Runtime exited with error: signal: killed",
        ),
        (ended(Ending.BROKEN, "nonsense"), "Runtime.InvalidResponse", "Error: nonsense"),
    ],
)
def test_an_end_without_words_of_its_own_is_explained(
    outcome: Outcome, kind: str, message: str
) -> None:
    payload, error = read(outcome)
    told = json.loads(payload)
    assert error == "Unhandled"
    assert told["errorType"] == kind
    assert told["errorMessage"] == f"RequestId: r-1 {message}"


@pytest.mark.parametrize(
    ("ending", "code", "status"),
    [
        (Ending.OVERLOADED, "TooManyRequestsException", 429),
        (Ending.BUDGET, "TooManyRequestsException", 429),
        (Ending.SLOWED, "TooManyRequestsException", 429),
        (Ending.START_FAILED, "ServiceException", 500),
    ],
)
def test_what_never_ran_is_an_error_of_invoke(ending: Ending, code: str, status: int) -> None:
    with pytest.raises(AwsError) as caught:
        read(ended(ending, "no"))
    assert (caught.value.code, caught.value.status) == (code, status)


def test_a_start_that_the_function_failed_is_its_own_error() -> None:
    outcome = ended(Ending.START_FAILED, "no such file")
    outcome.by_function = True
    payload, error = read(outcome)
    assert error == "Unhandled"
    assert json.loads(payload)["errorType"] == "Runtime.Unknown"


def test_every_ending_is_told() -> None:
    for ending in Ending:
        try:
            payload, error = read(ended(ending, status=200 if ending is Ending.OK else 0))
        except AwsError:
            continue
        assert error or ending is Ending.OK
        assert isinstance(payload, bytes)
