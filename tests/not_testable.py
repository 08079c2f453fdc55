"""A pytest plugin that lists, at the end of a run, what this machine cannot test.

A test that needs what the machine lacks asks for ``cannot_test`` and calls it with the reason.
Every other skip is turned into a failure: nothing is skipped in silence.
"""

from collections.abc import Callable, Generator
from typing import Any, NoReturn

import pytest

CannotTest = Callable[[str], NoReturn]

_REASON = "not_testable"


@pytest.fixture
def cannot_test(request: pytest.FixtureRequest) -> CannotTest:
    """Give the function by which a test says: this machine lacks what I need."""

    def say(reason: str) -> NoReturn:
        request.node.user_properties.append((_REASON, reason))
        pytest.skip(reason)

    return say


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and not _reasons(report):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in silence; call the fixture cannot_test"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped in silence while it was collected"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table. Reports of other processes (xdist) carry their properties with them."""
    found = [
        (report.nodeid, reason)
        for report in terminalreporter.stats.get("skipped", ())
        for reason in _reasons(report)
    ]
    if not found:
        terminalreporter.write_line("not tested on this machine: nothing")
        return
    terminalreporter.write_sep("-", f"not tested on this machine: {len(found)}", yellow=True)
    for nodeid, reason in sorted(found):
        terminalreporter.write_line(f"{nodeid}: {reason}")


def _reasons(report: pytest.TestReport) -> list[str]:
    return [str(value) for name, value in report.user_properties if name == _REASON]
