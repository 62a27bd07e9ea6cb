"""Audit records on their way to the service, for which nobody waits."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from gitgate_webhook.settings import Breaker

from gitgate.plugin import AuditRecord, Duration, Verdict
from gitgate.testing import a_peer


def record(number: int) -> AuditRecord:
    return AuditRecord(
        time=datetime(2026, 1, 1, tzinfo=UTC),
        request_id=f"r{number}",
        peer=a_peer(),
        verdict=Verdict.COMPLETED,
        reason="",
        duration_seconds=0.0,
    )


def lost(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.getMessage().startswith("audit records")]


def test_each_record_is_sent_once_and_the_end_waits_for_the_last(
    service: Any, plugin: Any, run: Any, tag: str, validator: Any, caplog: pytest.LogCaptureFixture
) -> None:
    policy = plugin(service.url(tag, delay=0.02, status=204, body=""))
    for number in range(20):
        run(policy.audited(record(number)))
    run(policy.stopping())
    messages = [json.loads(each["body"]) for each in service.received(tag)]
    assert sorted(message["id"] for message in messages) == sorted(f"r{number}" for number in range(20))
    assert [error for message in messages for error in validator("audited.schema.json").iter_errors(message)] == []
    assert lost(caplog) == []


def test_a_service_that_takes_no_records_costs_no_operation_and_the_log_says_how_many_it_lost(
    service: Any, plugin: Any, run: Any, tag: str, caplog: pytest.LogCaptureFixture
) -> None:
    policy = plugin(service.url(tag, status=500))
    for number in range(3):
        run(policy.audited(record(number)))
    run(policy.stopping())
    assert lost(caplog) == [
        "audit records do not reach the service: status 500",
        "audit records: 3 were lost by the end",
    ]


def test_records_for_a_service_that_is_stopped_have_a_bound_and_the_end_does_not_wait_for_ever(
    starting: Any, plugin: Any, run: Any, tag: str, caplog: pytest.LogCaptureFixture
) -> None:
    silent = starting()
    silent.freeze()
    policy = plugin(silent.url(tag), timeout=Duration(0.3))
    for number in range(600):
        run(policy.audited(record(number)))
    run(policy.stopping())
    assert lost(caplog) == [
        "audit records do not reach the service: 500 are waiting",
        "audit records: 600 were lost by the end",
    ]


def test_records_reach_a_service_again_that_is_back(
    starting: Any, plugin: Any, run: Any, tag: str, pause: Any, caplog: pytest.LogCaptureFixture
) -> None:
    restarted = starting()
    policy = plugin(restarted.url(tag), breaker=Breaker(failures=1, pause=Duration(0.05)))
    restarted.kill()
    run(policy.audited(record(0)))
    pause(lambda: lost(caplog) != [])
    restarted.start()

    def is_sent() -> bool:
        run(policy.audited(record(1)))
        return restarted.received(tag) != []

    pause(is_sent)
    pause(lambda: len(lost(caplog)) == 2)
    assert lost(caplog)[0].startswith("audit records do not reach the service: cannot connect: ")
    assert lost(caplog)[1].startswith("audit records reach the service again; ")
