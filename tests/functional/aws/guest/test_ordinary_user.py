"""All kinds of Lambda functions once more, where the platform is not root."""

from pathlib import Path

import pytest

from tests.not_testable import CannotTest
from tests.ordinary_user import run_tests_as_ordinary

CHOSEN = "given or answers_and or call_after_call or wrapper or extension or pipeline or still"


@pytest.mark.slow
def test_as_an_ordinary_user(cannot_test: CannotTest) -> None:
    run_tests_as_ordinary(str(Path(__file__).parent), CHOSEN, cannot_test)
