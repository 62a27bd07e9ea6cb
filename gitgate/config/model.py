"""The configuration as the rest of gitgate sees it. Everything here can also be built in Python, without a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from gitgate.config.checks import (
    Checked,
    bytes_for_one_head,
    bytes_for_one_key,
    environment_variable,
    git_config_key,
    positive,
    without_nul,
)
from gitgate.config.listener import Listener
from gitgate.config.problems import KeyPath, Position, Problem
from gitgate.config.source_limits import MaxStartups, NetBlockSize, Network, SourcePenalties
from gitgate.plugin import Duration, Size

#: How long a plugin may take for one answer.
DEFAULT_DEADLINE: Final = Duration.parse("10s")

_LOGIN_DEADLINE: Final = Duration.parse("30s")
_IDLE_DEADLINE: Final = Duration.parse("10m")
_OPERATION_WAIT: Final = Duration.parse("10s")
_STALL_DEADLINE: Final = Duration.parse("2m")
_TRANSFER_DEADLINE: Final = Duration.parse("1d")
_MAX_HEADER_BYTES: Final = Size.parse("16KiB")
#: That of git http-backend (GIT_HTTP_MAX_REQUEST_BUFFER): what a client says to get something is never long.
_MAX_FETCH_REQUEST: Final = Size.parse("10MiB")
_MAX_STARTUPS: Final = MaxStartups("100:30:200")
_NET_BLOCK_SIZE: Final = NetBlockSize("32:64")
#: A proxy on the same machine stands for everybody behind it.
_EXEMPT: Final = (Network("127.0.0.0/8"), Network("::1/128"))
_KEEPALIVE_INTERVAL: Final = Duration.parse("15s")
_REKEY_BYTES: Final = Size.parse("1GiB")
_CACHE_SIZE: Final = Size.parse("1GiB")
_MAX_PUSH_SIZE: Final = Size.parse("10GiB")
_REKEY_INTERVAL: Final = Duration.parse("1h")


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one server does at most.

    `login_deadline`: for ssh from the connection to a finished login, for http to receive a request's headers, for
    git:// its request line. `idle_deadline`: how long neither side of a running git may send a byte. `max_connections`:
    over all listeners.

    `max_operations` is how many requests are served at once: in all, and for one repository, one identity (who is
    anonymous has none) and one source. `max_clones` is how many of them pack a whole history, in all and for one
    source, as far as the client speaks protocol 2, which alone tells that in time. More wait for their turn, as many as
    may run, and no longer than `operation_wait`; then they are refused as overloaded.

    For http and git://, `stall_deadline` is how long a client may take for 256 KiB of what it is sent, and over http
    for 64 KiB of what it sends; and `transfer_deadline` how long one request may take in all.

    For http, `max_requests` is how many requests one connection may send, one after the other; `max_headers` and
    `max_header_bytes` how many lines a request's head may have, and how long they may be together with the first one;
    and `max_fetch_request` what git may be given by one request that wants something from it, when it is inflated:
    without that, ten kilobytes of gzip would keep it busy with ten megabytes, and so on.

    A connection is a startup until its client has logged in over ssh, or a first request of it was decided. Those whose
    first `per_source_net_block_size` bits are equal are one source, for which there is a limit and a memory for bad
    behaviour; those of `per_source_exempt` are none, and bound by `max_connections` alone.

    The others are for ssh; sshd knows them as MaxAuthTries, MaxSessions, ClientAliveInterval, ClientAliveCountMax and
    RekeyLimit.
    """

    login_deadline: Annotated[Duration, Checked(positive)] = _LOGIN_DEADLINE
    idle_deadline: Annotated[Duration, Checked(positive)] = _IDLE_DEADLINE
    max_operations: Annotated[int, Checked(positive)] = 100
    max_operations_per_repository: Annotated[int, Checked(positive)] = 50
    max_operations_per_identity: Annotated[int, Checked(positive)] = 50
    max_operations_per_source: Annotated[int, Checked(positive)] = 25
    max_clones: Annotated[int, Checked(positive)] = 20
    max_clones_per_source: Annotated[int, Checked(positive)] = 10
    operation_wait: Annotated[Duration, Checked(positive)] = _OPERATION_WAIT
    max_connections: Annotated[int, Checked(positive)] = 1000
    stall_deadline: Annotated[Duration, Checked(positive)] = _STALL_DEADLINE
    transfer_deadline: Annotated[Duration, Checked(positive)] = _TRANSFER_DEADLINE
    max_requests: Annotated[int, Checked(positive)] = 1000
    max_headers: Annotated[int, Checked(positive)] = 100
    max_header_bytes: Annotated[Size, Checked(bytes_for_one_head)] = _MAX_HEADER_BYTES
    max_fetch_request: Annotated[Size, Checked(positive)] = _MAX_FETCH_REQUEST
    max_startups: MaxStartups = _MAX_STARTUPS
    per_source_max_connections: Annotated[int, Checked(positive)] = 100
    per_source_net_block_size: NetBlockSize = _NET_BLOCK_SIZE
    per_source_penalties: SourcePenalties = field(default_factory=SourcePenalties)
    per_source_exempt: tuple[Network, ...] = _EXEMPT
    max_login_attempts: Annotated[int, Checked(positive)] = 6
    max_sessions: Annotated[int, Checked(positive)] = 10
    keepalive_interval: Annotated[Duration, Checked(positive)] = _KEEPALIVE_INTERVAL
    keepalive_count: Annotated[int, Checked(positive)] = 3
    rekey_bytes: Annotated[Size, Checked(bytes_for_one_key)] = _REKEY_BYTES
    rekey_interval: Annotated[Duration, Checked(positive)] = _REKEY_INTERVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is logged, and how it is written."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """Where each operation is recorded as a line of JSON: a file, "-" for standard output, or None for nowhere."""

    file: Literal["-"] | Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSettings:
    """The git that serves.

    `executable` None means the one on PATH. `config` is git configuration that goes before that of the repository, and
    `environment` is added to the environment of git and of its hooks. Values of both may be secrets, and do not show.

    `cache_size` is how many bytes of git's answers to fetches are kept for whoever asks the same; 0 for none. They are
    in files without a name in `cache_folder`; None means where the system has room for such (`cache_directory`).

    `max_push_size` is what one push may bring, and with `check_objects` git looks at each object of it. Both go before
    what a repository says, and `config` before both. `trust_repositories` false: nothing runs that stands in a
    repository, neither its hooks nor commands of its configuration, and no archives are made.
    """

    executable: Path | None = None
    max_push_size: Annotated[Size, Checked(positive)] = _MAX_PUSH_SIZE
    check_objects: bool = True
    trust_repositories: bool = True
    config: Mapping[Annotated[str, Checked(git_config_key)], Annotated[str, Checked(without_nul)]] = field(
        default_factory=_nothing, repr=False
    )
    environment: Mapping[Annotated[str, Checked(environment_variable)], Annotated[str, Checked(without_nul)]] = field(
        default_factory=_nothing, repr=False
    )
    cache_size: Size = _CACHE_SIZE
    cache_folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginEntry:
    """One plugin that is asked: which, under what name, for what, and with which settings.

    `use` is the name under which it is installed, `name` that of this instance in logs (default: `use`). `deadline` is
    how long one answer may take. With `on_error` "abstain", a failure of `authenticate` counts as no opinion. `hooks`
    restricts what the server asks of the instance; None means all that it implements. `settings` is what `plugin_class`
    is built with, None where its `__init__` takes nothing. The rest tells where the entry stands in the file, if it was
    read from one.
    """

    use: str
    plugin_class: type
    name: str = ""
    deadline: Duration = DEFAULT_DEADLINE
    on_error: Literal["refuse", "abstain"] = "refuse"
    hooks: frozenset[str] | None = None
    settings: Any = None
    position: Position | None = None
    keys: KeyPath = ()
    key_positions: Mapping[str, Position] = field(default_factory=_nothing, repr=False)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.use)

    def problem(self, message: str, *, key: str | None = None) -> Problem:
        """`message` with this entry's place in the file; that of one of its keys where `key` names it."""
        keys = self.keys or (self.name,)
        if key is None:
            return Problem(self.position, keys, message)
        return Problem(self.key_positions.get(key, self.position), (*keys, key), message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All that one server is told.

    `public_urls` says under which URLs clients know the server, by "ssh", "http" and "git". `plugins` are asked from
    top to bottom. `references` holds what `{$env: ...}` and its kind brought into the file, with the reference as it is
    written, so that none of it is ever shown.
    """

    listen: tuple[Listener, ...] = ()
    public_urls: Mapping[str, str] = field(default_factory=_nothing)
    plugins: tuple[PluginEntry, ...] = ()
    limits: Limits = Limits()
    log: LogSettings = LogSettings()
    audit: AuditSettings = AuditSettings()
    git: GitSettings = GitSettings()
    references: Mapping[str, Mapping[str, str]] = field(default_factory=_nothing, repr=False, compare=False)
