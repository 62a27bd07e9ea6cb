"""docs/webhook.md is true: its commands and examples are run as it says, and its tables say what the plugin has."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from gitgate_webhook.opa import unwrap
from gitgate_webhook.reply import Decision
from gitgate_webhook.settings import Tls, WebhookSettings

PROJECT = Path(__file__).parents[3]
PLUGIN = PROJECT / "plugins/gitgate_webhook"
PAGE = (PROJECT / "docs/webhook.md").read_text()
SOURCES = "".join(path.read_text() for path in PLUGIN.glob("*.py"))
PORTS = ("8080", "8181", "9417")


def scripts(heading: str) -> list[str]:
    section = re.split(r"\n##+ ", PAGE.partition(f"\n### {heading}\n")[2])[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def cells(heading: str) -> list[list[str]]:
    table = PAGE.partition(f"\n{heading}\n")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]


class Terminals:
    """Some terminals in a copy of docs/examples, on ports that are free."""

    def __init__(self, folder: Path, free_port: Callable[[], int]) -> None:
        self.folder = folder
        self.ports = {port: str(free_port()) for port in PORTS}
        self._background: list[subprocess.Popen[bytes]] = []
        for path in (PROJECT / "docs/examples").iterdir():
            (folder / path.name).write_text(self._moved(path.read_text()))
        self.environment = {
            "HOME": str(folder),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            **{f"GIT_{role}_{what}": "alice@x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }

    def leave_running(self, script: str, port: str) -> None:
        """Returns when something listens on the port that the page calls `port`."""
        with (self.folder / f"log-{port}").open("wb") as log:
            process = subprocess.Popen(
                ["bash", "-e", "-c", self._moved(script)],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._background.append(process)
        give_up = time.monotonic() + 40
        while True:
            try:
                socket.create_connection(("127.0.0.1", int(self.ports[port])), timeout=1).close()
            except OSError:
                said = (self.folder / f"log-{port}").read_text()
                assert process.poll() is None, said
                assert time.monotonic() < give_up, said
                time.sleep(0.02)
            else:
                return

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", self._moved(script)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def close(self) -> None:
        for process in self._background:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _moved(self, text: str) -> str:
        return re.sub("|".join(PORTS), lambda port: self.ports[port[0]], text)


@pytest.fixture
def terminals(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Terminals]:
    opened = Terminals(tmp_path, free_port)
    yield opened
    opened.close()


def test_from_nothing_to_a_push_with_a_service_of_ones_own(terminals: Terminals) -> None:
    service, look, serve, push = scripts("A service of your own")
    secret, _, start = service.partition("\n")
    terminals.environment["GITGATE_SECRET"] = terminals.run(f"{secret}\necho -n $GITGATE_SECRET").stdout
    terminals.leave_running(start, "9417")

    looked = terminals.run(look)
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert "understood as allow, ttl 10 s: a developer in team/" in looked.stdout
    assert "  allow: a developer in team/" in looked.stdout

    terminals.leave_running(serve, "8080")
    pushed = terminals.run(push)
    subjects = terminals.run("git -C repositories/team/app.git log --format=%s main").stdout
    assert (pushed.returncode, subjects) == (1, "The first one\n"), pushed.stderr
    assert "! [remote rejected] HEAD -> main (main only moves forward." in pushed.stderr


def test_from_nothing_to_an_answer_of_an_agent(terminals: Terminals) -> None:
    if shutil.which("opa") is None:
        pytest.skip("no `opa` on this machine; an Open Policy Agent is one file: https://www.openpolicyagent.org")
    agent, look = scripts("Open Policy Agent")
    terminals.leave_running(agent, "8181")
    looked = terminals.run(look)
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert re.search(r"\n  allow: a developer in team/( \(decision [\w-]+\))?\n", looked.stdout)


def test_what_an_agent_may_return_is_understood_as_the_table_says() -> None:
    *rows, rest = cells("| the agent's reply | meaning |")
    for reply, meaning in rows:
        decision = unwrap("authorize", json.loads(reply.strip("`"))).decision
        expected = Decision.ALLOW if meaning.startswith("a reply") else Decision(re.match(r"\w+", meaning)[0])  # type: ignore[index]
        assert decision is expected, reply
    assert rest == ["anything else", "a failure"]


def test_the_examples_of_messages_are_what_the_schemas_say(validator: Any) -> None:
    question, reply = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    assert list(validator("question.schema.json").iter_errors(question)) == []
    assert list(validator("reply.schema.json").iter_errors(reply)) == []


def test_the_tables_have_every_key_hook_and_field(validator: Any) -> None:
    def named(heading: str) -> set[str]:
        return {key for row in cells(heading) for key in re.findall(r"`(\w+)`", row[0])}

    question, audited, reply = map(validator, ("question.schema.json", "audited.schema.json", "reply.schema.json"))
    hooks = [*question.schema["properties"]["hook"]["enum"], audited.schema["properties"]["hook"]["const"]]
    assert named("| key | default | |") == {each.name for each in fields(WebhookSettings)}
    assert named("| `tls` key | default | |") == {each.name for each in fields(Tls)}
    assert named("| `hook` | asks | and has |") == set(hooks)
    assert named("| field | |") == set(reply.schema["properties"])


#: OpenSSL's; test_tls.py has them from a real connection.
ELSEWHERE = {"certificate verify failed"}


@pytest.mark.parametrize("words", [row[0].strip("`") for row in cells("| it says | do this |")])
def test_the_plugin_says_what_the_page_explains(words: str) -> None:
    assert words in SOURCES or words in ELSEWHERE
