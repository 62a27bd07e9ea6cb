"""The values that a plugin receives and returns: frozen, typed, and free of any transport's details."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


def _check_texts(what: str, values: Iterable[object]) -> None:
    """Raises TypeError where one is no text: of untyped code, and told where it can still be blamed for it."""
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{what}: {type(value).__name__} where a str belongs")


class Transport(Enum):
    """How the client reached gitgate."""

    SSH = "ssh"
    HTTP = "http"
    HTTPS = "https"
    GIT = "git"


class Access(Enum):
    """What a request would do to a repository."""

    READ = "read"
    WRITE = "write"
    CREATE = "create"


class Service(Enum):
    """What the client asks the server to run, by its name on the wire (gitprotocol-pack, git-lfs API)."""

    UPLOAD_PACK = "git-upload-pack"
    UPLOAD_ARCHIVE = "git-upload-archive"
    RECEIVE_PACK = "git-receive-pack"
    LFS_DOWNLOAD = "lfs-download"
    LFS_UPLOAD = "lfs-upload"

    @property
    def access(self) -> Access:
        """The access that the service needs on an existing repository."""
        return Access.WRITE if self in _WRITING_SERVICES else Access.READ


_WRITING_SERVICES: Final = frozenset({Service.RECEIVE_PACK, Service.LFS_UPLOAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Where a connection comes from. `address` is an IP address, or "" for a unix socket, whose `port` is 0."""

    transport: Transport
    address: str
    port: int
    encrypted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Password:
    """A name and a password, as typed by the user: over ssh, or in HTTP's Basic scheme (RFC 7617)."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """An ssh public key (RFC 4252 section 7).

    `blob` is the key in its wire format (RFC 4253 section 6.6), `algorithm` the type named inside the blob,
    `fingerprint` what `ssh-keygen -l` prints: "SHA256:...". `verified` is False while the client only asks whether the
    key would do, and True once it has proved with a signature that it holds the private half. The answer to a query
    never logs anybody in.
    """

    username: str
    algorithm: str
    blob: bytes
    fingerprint: str
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerToken:
    """An HTTP bearer token (RFC 6750)."""

    token: str = field(repr=False)


Credentials: TypeAlias = Password | PublicKey | BearerToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who somebody is. `attributes` are facts that other plugins may use, such as an e-mail address.

    The name is what rules and the audit log see; it need not be the name that was typed. The name "anonymous" belongs
    to `ANONYMOUS` alone: a plugin that returns it has failed.
    """

    name: str
    groups: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=_nothing, hash=False)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("an identity needs a name; return None or Rejected for somebody unknown")
        _check_texts("the name of an identity", (self.name,))
        # A text would match by its parts: "min" in "admins".
        if not isinstance(self.groups, frozenset):
            raise TypeError(f"the groups of an identity are a frozenset of names, not {type(self.groups).__name__}")
        _check_texts("the groups of an identity", self.groups)

    @property
    def is_anonymous(self) -> bool:
        """Nobody has logged in."""
        return self.name == ANONYMOUS.name


ANONYMOUS: Final = Identity(name="anonymous")


class RefChange(Enum):
    """What one command of a push does to its ref."""

    CREATE = "create"
    UPDATE = "update"
    REWIND = "rewind"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefUpdate:
    """One command of a push. `old` and `new` are hexadecimal object names, all zeros where there is none."""

    ref: str
    old: str
    new: str
    change: RefChange


@dataclass(frozen=True, slots=True, kw_only=True)
class GitRequest:
    """What a client asks for.

    `path` is the virtual path: normalised, percent-decoded, starting with "/", with no empty, "." or ".." segment.
    `protocol` is git's protocol version: 0, 1 or 2. `host` is the name the client used for this server, where its
    transport says so. `access` is the service's own, or CREATE where a push would make the repository.
    `updates` is empty until a push's commands are known. `username` is the name that stands in the client's URL, which
    need not be who it is: `git` in `ssh://git@git.example.org/team/app`.
    """

    request_id: str
    peer: Peer
    service: Service
    path: str
    protocol: int
    host: str | None
    access: Access
    updates: tuple[RefUpdate, ...] = ()
    username: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """Where a virtual path leads.

    `directory` is the absolute path of the repository itself: the one that holds HEAD, objects and refs (for a work
    tree, its `.git`). `name` is what people call it, without a leading "/" and without ".git"; rules match it.
    `environment` is added to git's and to its hooks' environment. `exists` is False where a push may create it.
    `moved_to` is the path to be used from now on, where the one that was asked for is an old name; the client is told.
    """

    directory: Path
    name: str
    environment: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    exists: bool = True
    moved_to: str | None = None

    def __post_init__(self) -> None:
        if not self.directory.is_absolute():
            raise ValueError(f"a repository's directory must be absolute, not {str(self.directory)!r}")
        # A rule for "team/app" would not match "/team/app", and "../app" is nobody's name.
        if {"", ".", ".."} & set(self.name.split("/")) or self.name.endswith(".git"):
            raise ValueError(f"a repository's name is like team/app, not {self.name!r}")
        _check_texts("the environment of a repository", (*self.environment, *self.environment.values()))
        for key, value in self.environment.items():
            if not key or "=" in key or "\0" in key + value:
                raise ValueError(f"the environment of a process cannot hold {key!r} with this value")


@dataclass(frozen=True, slots=True)
class Rejected:
    """authenticate, enrich_identity: known here, and refused. `reason` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Missing:
    """resolve_path: there is no such repository. `reason` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Allow:
    """authorize: yes. `reason` names the cause, for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deny:
    """authorize: no. `reason` is for the log; `message`, one line, is shown to a client who may read the repository.

    `refs` names the refs of a push that are refused; empty means the whole request.
    """

    reason: str
    message: str | None = None
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """check_online: one thing that was looked at, as a line for the operator.

    `text` says what it is and how it is. With `is_problem` it is something that the operator should act on.
    """

    text: str
    is_problem: bool = field(default=False, kw_only=True)
