"""What is run for a request: git's command line and the whole of its environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from gitgate.plugin import GitRequest, Identity, Repository, Service


class Exchange(Enum):
    """How client and git talk to each other."""

    CONVERSATION = "conversation"
    """Both speak in turn over one connection: ssh and git://."""
    ADVERTISEMENT = "advertisement"
    """git says what it has, and ends: the first request over http (gitprotocol-http(5), "Discovering References")."""
    STATELESS = "stateless"
    """One question with its answer: the requests that follow over http."""


_OPTIONS: Mapping[Exchange, tuple[str, ...]] = {
    Exchange.CONVERSATION: (),
    Exchange.ADVERTISEMENT: ("--stateless-rpc", "--advertise-refs"),
    Exchange.STATELESS: ("--stateless-rpc",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GitCommand:
    """One program to run. `environment` is all that it gets."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)

    def configured(self, key: str, value: str) -> "GitCommand":
        """The same, with one more key of git's configuration, which wins over all that says otherwise."""
        count = int(self.environment["GIT_CONFIG_COUNT"])
        environment = {
            **self.environment,
            f"GIT_CONFIG_KEY_{count}": key,
            f"GIT_CONFIG_VALUE_{count}": value,
            "GIT_CONFIG_COUNT": str(count + 1),
        }
        return replace(self, environment=environment)


_DEFAULTS = str(files("gitgate.git") / "defaults.gitconfig")


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """The git that serves: its binary, and what the operator adds to its configuration and environment.

    `executable` and `search_path` (a PATH) are where git and its hooks find programs.
    """

    executable: Path
    search_path: str
    config: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def command(
        self, request: GitRequest, repository: Repository, identity: Identity, exchange: Exchange
    ) -> GitCommand:
        """How to serve `request` on `repository`. Nothing that the client wrote becomes an argument.

        The directory is absolute, so it is never taken for an option; `git upload-archive` does not take "--".
        """
        directory = str(repository.directory)
        match request.service:
            case Service.UPLOAD_PACK:
                # --strict: serve this directory itself, not its ".git" or "<directory>.git".
                arguments = ("upload-pack", "--strict", *_OPTIONS[exchange], "--", directory)
            case Service.RECEIVE_PACK:
                arguments = ("receive-pack", *_OPTIONS[exchange], "--", directory)
            case Service.UPLOAD_ARCHIVE if exchange is Exchange.CONVERSATION:
                arguments = ("upload-archive", directory)
            case _:
                raise ValueError(f"git does not serve {request.service.value} as {exchange.value}")
        return GitCommand(
            argv=(str(self.executable), *arguments), environment=self._environment(request, repository, identity)
        )

    def _environment(self, request: GitRequest, repository: Repository, identity: Identity) -> dict[str, str]:
        """Built from nothing: what the server itself inherited (GIT_DIR, GIT_TRACE, tokens) never reaches git."""
        # git serves a repository of another owner only where it is told to trust it; here, exactly this one.
        config = {**self.config, "safe.directory": str(repository.directory)}
        environment = {
            "PATH": self.search_path,
            "HOME": "/nonexistent",
            "LC_ALL": "C.UTF-8",
            **self.environment,
            **repository.environment,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_GLOBAL": _DEFAULTS,
            "GIT_CONFIG_COUNT": str(len(config)),
            "REMOTE_ADDR": request.peer.address,
            # As git http-backend does it: the reflog of a push names who pushed.
            "GIT_COMMITTER_NAME": identity.name,
            "GIT_COMMITTER_EMAIL": f"{identity.name}@{request.peer.transport.value}.{request.peer.address}",
            "GITGATE_USER": identity.name,
            # A name with a line break would read as two, and one of them may be a group that has more rights.
            "GITGATE_GROUPS": "\n".join(sorted(group for group in identity.groups if group.isprintable())),
            "GITGATE_REQUEST_ID": request.request_id,
            "GITGATE_TRANSPORT": request.peer.transport.value,
        }
        for index, (key, value) in enumerate(config.items()):
            environment[f"GIT_CONFIG_KEY_{index}"] = key
            environment[f"GIT_CONFIG_VALUE_{index}"] = value
        if request.protocol:
            environment["GIT_PROTOCOL"] = f"version={request.protocol}"
        if not identity.is_anonymous:
            environment["REMOTE_USER"] = identity.name
        return environment
