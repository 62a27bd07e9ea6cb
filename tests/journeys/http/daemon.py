"""Serves one folder of repositories over http, or https, until it is killed. Prints its port, then a line per operation.

    python daemon.py ROOT [CERTIFICATE_AND_KEY]

People: alice (password "s3cret") may read and write, bob ("hunter:2") may read. Everybody may read below /public/.
A path below /broken/ makes a plugin fail.
"""

import shutil
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.ssl import DefaultOpenSSLContextFactory

from gitgate.audit import Audit, describe
from gitgate.gateway import Gateway
from gitgate.git.command import Git
from gitgate.git.runner import GitRunner
from gitgate.plugin import (
    Access,
    Allow,
    Deny,
    GitRequest,
    Identity,
    Missing,
    Password,
    Peer,
    Rejected,
    Repository,
    Transport,
    hookimpl,
)
from gitgate.plugin_chain import Member, PluginChain
from gitgate.transports.connections import Connections
from gitgate.transports.http.site import HttpSite

PEOPLE = {"alice": "s3cret", "bob": "hunter:2"}


class Policy:
    accepts = (Password,)

    def __init__(self, root: Path) -> None:
        self._root = root

    @hookimpl
    async def authenticate(self, credentials: Password, peer: Peer) -> Identity | Rejected | None:
        if credentials.username not in PEOPLE:
            return None
        if PEOPLE[credentials.username] != credentials.password:
            return Rejected("wrong password")
        return Identity(name=credentials.username)

    @hookimpl
    async def resolve_path(self, identity: Identity, request: GitRequest) -> Repository | Missing:
        if request.path.startswith("/broken/"):
            raise RuntimeError("the disk is gone")
        directory = self._root / request.path.removeprefix("/")
        if not (directory / "HEAD").is_file():
            return Missing("no such folder")
        return Repository(directory=directory, name=request.path.removeprefix("/").removesuffix(".git"))

    @hookimpl
    async def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Allow | Deny | None:
        if repository.name.startswith("public/") and request.access is Access.READ:
            return Allow("public")
        if identity.name == "alice" and not repository.name.startswith("secret/"):
            return Allow("alice may")
        if identity.name == "bob" and not repository.name.startswith("secret/"):
            if request.access is Access.READ:
                return Allow("bob may read")
            return Deny("bob reads", message="Pushing is for maintainers.")
        return None


def main() -> None:
    root = Path(sys.argv[1]).absolute()
    transport = Transport.HTTPS if len(sys.argv) > 2 else Transport.HTTP
    chain = PluginChain([Member(name="policy", plugin=Policy(root))], reactor)
    git = Git(executable=Path(shutil.which("git") or "git"), search_path="/usr/local/bin:/usr/bin:/bin")
    runner = GitRunner(reactor, git, max_operations=20, idle_deadline_seconds=60)
    audit = Audit(reactor, written=lambda record: print(describe(record), flush=True))
    site = HttpSite(
        Gateway(chain, runner, audit), Connections(100), reactor, transport=transport, login_deadline_seconds=3
    )

    async def start() -> None:
        await chain.start()
        if transport is Transport.HTTPS:
            tls = DefaultOpenSSLContextFactory(sys.argv[2], sys.argv[2])
            port = reactor.listenSSL(0, site, tls, interface="127.0.0.1")
        else:
            port = reactor.listenTCP(0, site, interface="127.0.0.1")
        print(port.getHost().port, flush=True)

    reactor.callWhenRunning(lambda: ensureDeferred(start()))
    reactor.run()


if __name__ == "__main__":
    main()
