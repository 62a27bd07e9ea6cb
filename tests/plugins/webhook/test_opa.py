"""An Open Policy Agent in the place of the service; a real one where there is one."""

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gitgate_webhook.failures import BadReply

from gitgate.plugin import ANONYMOUS, Allow, Deny, RefChange, RefUpdate, Secret
from gitgate.testing import a_fetch, a_push, a_repository, an_identity

POLICY = Path(__file__).parents[3] / "docs/examples/policy.rego"
QUESTION = (an_identity(), a_fetch(), a_repository())


def asking(service: Any, plugin: Any, tag: str, reply: Any, **settings: Any) -> Any:
    return plugin(service.url(tag, body=json.dumps(reply)), protocol="opa", **settings)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ({"result": True}, Allow("the policy is true for this input")),
        ({"result": False}, Deny("the policy is false for this input")),
        ({"result": True, "decision_id": "d1"}, Allow("the policy is true for this input (decision d1)")),
        ({}, None),
        ({"decision_id": "d1"}, None),
        ({"result": {"decision": "allow"}, "decision_id": "d1"}, Allow("decision d1")),
        (
            {"result": {"decision": "deny", "reason": "r", "message": "m", "refs": ["refs/heads/x"]}},
            Deny("r", message="m", refs=("refs/heads/x",)),
        ),
        ({"result": {"decision": "abstain"}, "metrics": {}}, None),
    ],
)
def test_what_an_agent_returns_is_an_answer(
    service: Any, plugin: Any, run: Any, tag: str, reply: Any, answer: Any
) -> None:
    assert run(asking(service, plugin, tag, reply).authorize(*QUESTION)) == answer


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ([], "the agent's reply is not a JSON object"),
        ({"result": "allow"}, "a reply is a JSON object, not a text"),
        ({"result": None}, "a reply is a JSON object, not null"),
        ({"result": {}}, "`decision` is missing"),
        ({"result": {"allow": True}}, "`decision` is missing"),
        ({"result": [True]}, "a reply is a JSON object, not a list"),
    ],
)
def test_a_result_of_another_shape_is_no_answer(
    service: Any, plugin: Any, run: Any, tag: str, reply: Any, why: str
) -> None:
    """`{"allow": true}` in a document that was meant to be its field would otherwise mean whatever is guessed."""
    with pytest.raises(BadReply) as raised:
        run(asking(service, plugin, tag, reply).authorize(*QUESTION))
    assert str(raised.value) == why


def test_an_agent_gets_the_question_as_its_input(service: Any, plugin: Any, run: Any, tag: str, validator: Any) -> None:
    run(asking(service, plugin, tag, {"result": True}, token=Secret("t0ken")).authorize(*QUESTION))
    (received,) = service.received(tag)
    body = json.loads(received["body"])
    assert set(body) == {"input"}
    assert list(validator("question.schema.json").iter_errors(body["input"])) == []
    assert received["headers"]["Authorization"] == "Bearer t0ken"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[str]:
    """A real agent with docs/examples/policy.rego; its URL."""
    opa = shutil.which("opa")
    if opa is None:
        pytest.skip("no `opa` on this machine; an Open Policy Agent is one file: https://www.openpolicyagent.org")
    url = f"http://127.0.0.1:{free_port()}"
    log = (tmp_path_factory.mktemp("opa") / "log").open("wb")
    options = ("--server", "--addr", url.removeprefix("http://"), "--disable-telemetry")
    process = subprocess.Popen([opa, "run", *options, str(POLICY)], stdout=log, stderr=log)
    log.close()
    give_up = time.monotonic() + 40
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            break
        except OSError:
            assert process.poll() is None, Path(log.name).read_text()
            assert time.monotonic() < give_up
            time.sleep(0.02)
    yield url
    process.kill()
    process.wait()


def moving(ref: str, change: RefChange) -> RefUpdate:
    return RefUpdate(ref=ref, old="1" * 40, new="2" * 40, change=change)


ALICE = an_identity("alice", "devs")
CASES = {
    "a developer reads": (ALICE, a_fetch("/team/app"), a_repository("team/app")),
    "a developer pushes": (ALICE, a_push("/team/app"), a_repository("team/app")),
    "main moves forward": (
        ALICE,
        a_push("/team/app", updates=(moving("refs/heads/main", RefChange.UPDATE),)),
        a_repository("team/app"),
    ),
    "main is rewound": (
        ALICE,
        a_push(
            "/team/app",
            updates=(moving("refs/heads/main", RefChange.REWIND), moving("refs/heads/x", RefChange.REWIND)),
        ),
        a_repository("team/app"),
    ),
    "somebody else": (an_identity("bob"), a_fetch("/team/app"), a_repository("team/app")),
    "everybody reads public/": (ANONYMOUS, a_fetch("/public/app"), a_repository("public/app")),
    "nobody pushes to public/": (ALICE, a_push("/public/app"), a_repository("public/app")),
    "another repository": (ALICE, a_fetch("/x"), a_repository("x")),
}


@pytest.mark.parametrize("case", CASES)
def test_the_policy_of_the_examples_decides_as_the_service_of_the_examples_does(
    agent: str, example_service: Any, plugin: Any, run: Any, case: str
) -> None:
    by_agent = run(plugin(f"{agent}/v1/data/gitgate/decision", protocol="opa").authorize(*CASES[case]))
    by_service = run(plugin(example_service()).authorize(*CASES[case]))
    assert by_agent == by_service


def test_a_rule_that_a_real_agent_does_not_have_is_no_opinion(agent: str, plugin: Any, run: Any) -> None:
    assert run(plugin(f"{agent}/v1/data/gitgate/nothing", protocol="opa").authorize(*QUESTION)) is None
