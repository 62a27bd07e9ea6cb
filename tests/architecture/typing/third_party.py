"""Other people's code, as mypy sees it; it never runs.

Where a line must not be accepted it has a `type: ignore` with its code: mypy complains about one that is not needed.
"""

from pathlib import Path
from typing import assert_type

from gitgate.plugin import (
    ANONYMOUS,
    Access,
    Allow,
    BearerToken,
    Credentials,
    Deny,
    Duration,
    GitRequest,
    Identity,
    Missing,
    Password,
    Peer,
    PublicKey,
    Rejected,
    Repository,
    Secret,
    Service,
    Size,
    Transport,
    WatchedFile,
    hookimpl,
)
from gitgate.server import Listener, Member, Server, TlsSettings
from gitgate.testing import Probe, a_fetch, a_peer, an_identity


def values(credentials: Credentials, request: GitRequest) -> None:
    if isinstance(credentials, Password):
        assert_type(credentials.password, str)
    elif isinstance(credentials, PublicKey):
        assert_type(credentials.blob, bytes)
    else:
        assert_type(credentials, BearerToken)
    assert_type(ANONYMOUS, Identity)
    assert_type(request.service.access, Access)
    assert_type(request.peer.transport, Transport)
    request.path = "/other"  # type: ignore[misc]
    Identity("alice")  # type: ignore[call-arg]
    Identity(name="alice", groups=["devs"])  # type: ignore[arg-type]
    Repository(directory="/srv/git/a.git", name="a")  # type: ignore[arg-type]
    Allow()  # type: ignore[call-arg]
    Deny("not a member", "Ask Bob.", ("refs/heads/main",))


def settings(cache: Duration, largest: Size, token: Secret) -> None:
    seconds: float = cache
    number_of_bytes: int = largest
    assert_type(token.reveal(), str)
    text: str = token  # type: ignore[assignment]
    print(seconds, number_of_bytes, text)


def lines(content: bytes) -> list[str]:
    return content.decode().splitlines()


class InThreads:
    def __init__(self, file: Path) -> None:
        self._lines = WatchedFile(file, lines)

    @hookimpl
    def authenticate(self, credentials: Credentials, peer: Peer) -> Identity | Rejected | None:
        assert_type(self._lines.current(), list[str])
        return None

    @hookimpl
    def resolve_path(self, request: GitRequest) -> Repository | Missing | None:
        return Missing("nothing is here")


class OnTheReactor:
    accepts = (Password,)

    @hookimpl
    async def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Allow | Deny | None:
        return Allow("reading is free") if request.service is Service.UPLOAD_PACK else None


def tests(file: Path) -> None:
    probe = Probe(InThreads(file))
    assert_type(probe.authenticate(BearerToken(token="x"), a_peer()), Identity | Rejected | None)
    assert_type(probe.resolve_path(an_identity(), a_fetch()), Repository | Missing | None)
    assert_type(probe.authorize(an_identity(), a_fetch()), Allow | Deny | None)
    assert_type(probe.enrich_identity(ANONYMOUS), Identity | Rejected)


async def embedding(reactor: object) -> None:
    tls = TlsSettings(certificate=Path("tls.crt"), key=Path("tls.key"))
    listener = Listener.at("https://127.0.0.1:8443", tls=tls)
    server = Server(reactor=reactor, listen=[listener], members=[Member(name="policy", plugin=OnTheReactor())])
    await server.start()
    for door in server.doors:
        assert_type(door.url, str)
    await server.stop()
