"""A pytest plugin: with `CHIMERA_REQUIRE_ALL=1` a skipped test is a failed one.

A developer without PostgreSQL may skip its tests; the gate before a merge may not.
"""

import os
from collections.abc import Generator

import pytest

SWITCH = "CHIMERA_REQUIRE_ALL"


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(SWITCH) == "1":
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{why}\n{SWITCH}=1 allows no skips. Next: install what is missing."


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report
