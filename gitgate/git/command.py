"""What is run for a request: git's command line and the whole of its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from gitgate.plugin import GitRequest, Identity, Repository, Service
from gitgate.refusals import AccessDenied


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


#: A fetch runs nothing that stands in a repository: not its hooks, and no commands of its configuration. git sees to
#: that itself (git-upload-pack(1), "SECURITY"); this is for what it has missed before.
_FETCH: Mapping[str, str] = {"core.hooksPath": os.devnull, "core.fsmonitor": "false"}

#: What a push to a repository that is not trusted would run besides: each key of git-config(1) that names a command
#: which receive-pack, or what it starts, takes from the repository. A work tree has filters, so it is left alone. Keys
#: with a name in them are for `without_configured_hooks`.
_DISTRUSTED: Mapping[str, str] = {
    **_FETCH,
    "core.alternateRefsCommand": "true",
    "gpg.program": "gpg",
    "gpg.openpgp.program": "gpg",
    "gpg.x509.program": "gpgsm",
    "gpg.ssh.program": "ssh-keygen",
    "receive.autogc": "false",
    "receive.denyCurrentBranch": "refuse",
}

#: Objects that a partial clone lacks are not fetched, from wherever its configuration says and by whatever command.
_NO_NETWORK: Mapping[str, str] = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}

#: What fsck says of old and harmless commits, which no push can change any more.
_OLD_MISTAKES = ("badTimezone", "missingSpaceBeforeDate", "zeroPaddedFilemode")

_DEFAULTS = str(files("gitgate.git") / "defaults.gitconfig")


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """The git that serves: its binary, and what the operator adds to its configuration and environment.

    `executable` and `search_path` (a PATH) are where git and its hooks find programs. A push may bring `max_push_bytes`
    (0: any number), and its objects are checked with `check_objects`. Without `trust_repositories`, nothing runs that
    stands in a repository.
    """

    executable: Path
    search_path: str
    config: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    max_push_bytes: int = 0
    check_objects: bool = False
    trust_repositories: bool = True

    def command(
        self, request: GitRequest, repository: Repository, identity: Identity, exchange: Exchange
    ) -> GitCommand:
        """How to serve `request` on `repository`. Nothing that the client wrote becomes an argument.

        The directory is absolute, so it is never taken for an option; `git upload-archive` does not take "--". Raises
        `AccessDenied` for an archive of a repository that is not trusted: the configuration names the programs that
        make it, under any number of names.
        """
        directory = str(repository.directory)
        # Where the directory is gone by now, these two would look for "<directory>.git", which is another repository.
        inside = f"{directory}/."
        match request.service:
            case Service.UPLOAD_PACK:
                # --strict: serve this directory itself, not its ".git" or "<directory>.git".
                arguments = ("upload-pack", "--strict", *_OPTIONS[exchange], "--", directory)
            case Service.RECEIVE_PACK:
                arguments = ("receive-pack", *_OPTIONS[exchange], "--", inside)
            case Service.UPLOAD_ARCHIVE if exchange is Exchange.CONVERSATION:
                if not self.trust_repositories:
                    raise AccessDenied("git.trust_repositories is false", message="archives are not made here")
                arguments = ("upload-archive", inside)
            case _:
                raise ValueError(f"git does not serve {request.service.value} as {exchange.value}")
        return GitCommand(
            argv=(str(self.executable), *arguments), environment=self._environment(request, repository, identity)
        )

    def _environment(self, request: GitRequest, repository: Repository, identity: Identity) -> dict[str, str]:
        """Built from nothing: what the server itself inherited (GIT_DIR, GIT_TRACE, tokens) never reaches git."""
        config = [item for item in {**self._limits(request), **self.config}.items() if item[0] != "safe.directory"]
        # git serves a repository of another owner only where it is told to trust it; here, exactly this one. Before
        # 2.46 it compares what it was started with, letter by letter.
        config += [("safe.directory", ""), *(("safe.directory", f"{repository.directory}{end}") for end in ("", "/."))]
        is_fetch = request.service is Service.UPLOAD_PACK
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
            **(_NO_NETWORK if is_fetch or not self.trust_repositories else {}),
        }
        for index, (key, value) in enumerate(config):
            environment[f"GIT_CONFIG_KEY_{index}"] = key
            environment[f"GIT_CONFIG_VALUE_{index}"] = value
        if request.protocol:
            environment["GIT_PROTOCOL"] = f"version={request.protocol}"
        if not identity.is_anonymous:
            environment["REMOTE_USER"] = identity.name
        return environment

    def _limits(self, request: GitRequest) -> dict[str, str]:
        """Configuration that goes before that of the repository. What the operator says comes later, and so wins."""
        if request.service is Service.UPLOAD_PACK:
            return dict(_FETCH)
        config = {} if self.trust_repositories else dict(_DISTRUSTED)
        if request.service is Service.RECEIVE_PACK:
            if self.max_push_bytes:
                config["receive.maxInputSize"] = str(self.max_push_bytes)
            if self.check_objects:
                config["receive.fsckObjects"] = "true"
                config |= {f"receive.fsck.{mistake}": "ignore" for mistake in _OLD_MISTAKES}
        return config
