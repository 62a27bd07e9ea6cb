"""A test that needs a part of the system says so; where CI is to have installed that part, a skip is a failure."""

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes tells of the machine. Otherwise as hypothesis has it, which is without chance in CI.
settings.register_profile("gitgate", settings(deadline=None, suppress_health_check=[HealthCheck.too_slow]))
settings.load_profile("gitgate")

pytest_plugins = ["reactor_fixtures"]
pytest.register_assert_rewrite("holdings", "twins")  # their asserts say what differs, as those of tests do


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if reason.startswith("needs "):
            report.outcome = "failed"
            report.longrepr = f"skipped in CI, which has to install what is missing: {reason}"
    return report
