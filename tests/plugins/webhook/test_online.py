"""What `gitgate check --online` says about the service."""

import json
from typing import Any

import pytest


@pytest.fixture
def look(plugin: Any, run: Any) -> Any:
    def at(url: str) -> list[tuple[str, bool]]:
        return [(finding.text.replace(url, "URL"), finding.is_problem) for finding in run(plugin(url).check_online())]

    return at


def test_a_service_that_answers_is_fine(service: Any, look: Any, tag: str) -> None:
    body = json.dumps({"decision": "deny", "reason": "not public"})
    (connects, answer) = look(service.url(tag, body=body))
    assert connects == ("URL: connects", False)
    assert answer[0].startswith("asked whether somebody who has not logged in may read /gitgate-check-")
    assert (answer[0].partition(": ")[2], answer[1]) == ("deny: not public", False)
    asked = json.loads(service.received(tag)[0]["body"])
    assert (asked["hook"], asked["identity"]["name"], asked["request"]["access"]) == ("authorize", "anonymous", "read")


def test_a_service_that_answers_nonsense_is_a_problem(service: Any, look: Any, tag: str) -> None:
    (_, answer) = look(service.url(tag, body="<html>"))
    assert (answer[0].partition(": no answer: ")[2][:20], answer[1]) == ("the body is not JSON", True)


def test_a_service_that_is_not_there_is_a_problem(free_port: Any, look: Any) -> None:
    ((text, is_problem),) = look(f"http://127.0.0.1:{free_port()}/")
    assert text.startswith("URL: cannot connect: Connection was refused")
    assert is_problem
