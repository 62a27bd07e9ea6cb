"""Real services in processes of their own, and the plugin on Twisted's reactor."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gitgate_webhook
import pytest
from freezing import freeze
from gitgate_webhook import WebhookPlugin, WebhookSettings
from jsonschema import Draft202012Validator
from reactor_fixtures import Run
from referencing import Registry, Resource

from gitgate.plugin import Duration, Identity, Missing, Rejected
from gitgate.plugin_chain import PluginChain, Ruling
from gitgate.plugin_registration import Member
from gitgate.testing import a_peer, a_repository

SERVICE = Path(__file__).with_name("misbehaving_service.py")
EXAMPLES = Path(__file__).parents[3] / "docs/examples"


class ServiceProcess:
    """The misbehaving service. `received` has what it got under a tag."""

    def __init__(self, folder: Path, place: str = "0", *tls: Path) -> None:
        self.record = folder / "received.jsonl"
        self.record.touch()
        self._arguments = [sys.executable, str(SERVICE), str(self.record)]
        self._tls = [str(path) for path in tls]
        self._place = place
        self.start()

    def start(self) -> None:
        """Also after it was killed: on the same port."""
        command = [*self._arguments, self._place, *self._tls]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout is not None
        port = self.process.stdout.readline().decode().strip()
        if self._place.isdecimal():
            self._place = port

    def url(self, tag: str, **how: object) -> str:
        scheme = "https" if self._tls else "http"
        query = f"?{urlencode({key: str(value) for key, value in how.items()})}" if how else ""
        if not self._place.isdecimal():
            return f"http+unix://{self._place}:/{tag}{query}"
        return f"{scheme}://{'localhost' if self._tls else '127.0.0.1'}:{self._place}/{tag}{query}"

    @property
    def port(self) -> int:
        return int(self._place)

    def received(self, tag: str) -> list[dict[str, Any]]:
        lines = map(json.loads, self.record.read_text().splitlines())
        return [line for line in lines if line["path"] == f"/{tag}"]

    def freeze(self) -> None:
        freeze(self.process)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def run_out_of_descriptors(self) -> Callable[[], None]:
        """It may open no more files; what is returned undoes that."""
        limits = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        return lambda: resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, limits)  # type: ignore[func-returns-value]

    def kill(self) -> None:
        self.thaw()
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """The service that all tests share which do not harm it; each under a tag of its own."""
    running = ServiceProcess(tmp_path_factory.mktemp("service"))
    yield running
    running.kill()


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[Callable[..., ServiceProcess]]:
    """Starts services of one's own."""
    running: list[ServiceProcess] = []

    def start(place: str = "0", *tls: Path) -> ServiceProcess:
        folder = tmp_path / f"service{len(running)}"
        folder.mkdir()
        running.append(ServiceProcess(folder, place, *tls))
        return running[-1]

    yield start
    for each in running:
        each.kill()


@pytest.fixture
def pause(running_reactor: Any, run: Run[Any]) -> Callable[[Callable[[], bool]], None]:
    """Lets the reactor run until something is so."""

    def until(is_so: Callable[[], bool]) -> None:
        give_up = time.monotonic() + 40
        while not is_so():
            assert time.monotonic() < give_up, "not so after forty seconds"
            running_reactor.iterate(0.01)

    return until


@pytest.fixture
def plugin(run: Run[Any]) -> Iterator[Callable[..., WebhookPlugin]]:
    """Makes plugins with these settings, which are stopped at the end."""
    made: list[WebhookPlugin] = []

    def make(url: str, *, clock: Callable[[], float] = time.monotonic, **settings: Any) -> WebhookPlugin:
        settings.setdefault("timeout", Duration(8))  # a busy machine is not what the tests are about
        made.append(WebhookPlugin(WebhookSettings(url=url, **settings), clock=clock))
        return made[-1]

    yield make
    for each in made:
        run(each.stopping())


class ReactorProbe:
    """What `gitgate.testing.Probe` is, on Twisted's own reactor, which has sockets."""

    def __init__(self, plugin: WebhookPlugin, run: Run[Any], reactor: Any) -> None:
        self._run = run
        self._chain = PluginChain([Member(name="probe", plugin=plugin)], reactor)
        run(self._chain.start())

    def authenticate(self, credentials: Any, peer: Any = None) -> Any:
        return _decision(self._run(self._chain.authenticate(credentials, peer or a_peer())))

    def enrich_identity(self, identity: Any, peer: Any = None) -> Identity | Rejected:
        answer = self._run(self._chain.enrich_identity(identity, peer or a_peer()))
        return answer.decision if isinstance(answer, Ruling) else answer

    def resolve_path(self, identity: Any, request: Any) -> Any | Missing | None:
        return _decision(self._run(self._chain.resolve_path(identity, request)))

    def authorize(self, identity: Any, request: Any, repository: Any = None) -> Any:
        repository = repository or a_repository(request.path.removeprefix("/").removesuffix(".git"))
        return _decision(self._run(self._chain.authorize(identity, request, repository)))

    def close(self) -> None:
        self._run(self._chain.stop())


def _decision(ruling: Ruling[Any] | None) -> Any:
    return None if ruling is None else ruling.decision


@pytest.fixture
def on_reactor(run: Run[Any], running_reactor: Any) -> Callable[[WebhookPlugin], ReactorProbe]:
    """A probe around a plugin."""
    return lambda plugin: ReactorProbe(plugin, run, running_reactor)


@pytest.fixture
def tag(request: pytest.FixtureRequest) -> str:
    """A name for this test's requests."""
    return f"{request.node.name.partition('[')[0]}-{time.monotonic_ns()}"


@pytest.fixture(scope="session")
def example_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Starts docs/examples/policy_service.py, with options and environment; its URL."""
    running: list[subprocess.Popen[str]] = []

    def start(*options: str | Path, **environment: str) -> str:
        command = [sys.executable, str(EXAMPLES / "policy_service.py"), "--port", "0", *map(str, options)]
        log = (tmp_path_factory.mktemp("example") / "log").open("w")
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=log, text=True
        )
        log.close()
        running.append(process)
        assert process.stdout is not None
        return process.stdout.readline().split()[0]

    yield start
    for process in running:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A port where nothing listens now."""

    def find() -> int:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return int(s.getsockname()[1])

    return find


@pytest.fixture(scope="session")
def validator() -> Callable[[str], Draft202012Validator]:
    """What judges messages by the schema of this name."""
    folder = Path(gitgate_webhook.__file__).parent
    schemas = {path.name: json.loads(path.read_text()) for path in folder.glob("*.schema.json")}
    registry: Any = Registry().with_resources((name, Resource.from_contents(schemas[name])) for name in schemas)

    def of(name: str) -> Draft202012Validator:
        Draft202012Validator.check_schema(schemas[name])
        return Draft202012Validator(schemas[name], registry=registry)

    return of
