"""An ssh door by itself: a program for tests of what only ssh has.

    python daemon.py '{"root": ..., "keys": ..., "state": ..., ...}'

It prints the port that it listens on, and then each audit record: verdict, username, identity and exit code, as JSON.
"""

import json
import logging
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from gitgate_authorized_keys.plugin import AuthorizedKeysPlugin, Settings
from gitgate_tree.plugin import TreePlugin, TreeSettings
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from gitgate.audit import Audit
from gitgate.gateway import Gateway
from gitgate.git.command import Git
from gitgate.git.runner import GitRunner
from gitgate.plugin import (
    Access,
    Allow,
    AuditRecord,
    Deny,
    GitRequest,
    Identity,
    Password,
    Peer,
    Rejected,
    Repository,
    hookimpl,
)
from gitgate.plugin_chain import Member, PluginChain
from gitgate.reactor import use_monotonic_clock
from gitgate.transports.connections import Connections
from gitgate.transports.ssh.factory import SshFactory
from gitgate.transports.ssh.host_keys import load_host_keys


class Passwords:
    """`alice` has the password "wonderland"; for "eve" the directory is down."""

    accepts = (Password,)

    @hookimpl
    def authenticate(self, credentials: Password, peer: Peer) -> Identity | Rejected | None:
        if credentials.username == "eve":
            raise ConnectionError("the directory is down")
        if credentials.username != "alice":
            return None
        return Identity(name="alice") if credentials.password == "wonderland" else Rejected("wrong password")


class Policy:
    """`secret.git` is for nobody, `broken.git` cannot be judged, and `bob` only reads."""

    @hookimpl
    def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Allow | Deny:
        if repository.name == "broken":
            raise RuntimeError("the policy service is down")
        if repository.name == "secret":
            return Deny("nobody may")
        if identity.name == "bob" and request.access is not Access.READ:
            return Deny("bob only reads", message="pushing is for maintainers")
        return Allow("everybody else may")


def _print(value: object) -> None:
    print(json.dumps(value), flush=True)


def _written(record: AuditRecord) -> None:
    _print(
        {
            "verdict": record.verdict.value,
            "username": record.username,
            "identity": record.identity and record.identity.name,
            "exit_code": record.exit_code,
        }
    )


async def _main(options: dict[str, Any]) -> None:
    members = [Member(name="tree", plugin=TreePlugin(TreeSettings(root=Path(options["root"])))), Member(name="policy", plugin=Policy())]
    if not options.get("anonymous"):
        keys = AuthorizedKeysPlugin(Settings(file=Path(options["keys"]), shared_user="git"))
        members += [Member(name="keys", plugin=keys), Member(name="passwords", plugin=Passwords())]
    chain = PluginChain(members, reactor)  # type: ignore[arg-type]
    git = Git(executable=Path(shutil.which("git") or "git"), search_path=os.environ["PATH"])
    runner = GitRunner(reactor, git, max_operations=20, idle_deadline_seconds=60)  # type: ignore[arg-type]
    gateway = Gateway(chain, runner, Audit(reactor, _written))  # type: ignore[arg-type]
    await chain.start()
    state = Path(options["state"])
    factory = SshFactory(
        gateway,
        Connections(100),
        reactor,  # type: ignore[arg-type]
        load_host_keys([state / "ssh_host_ed25519_key", state / "ssh_host_rsa_key"]),
        login_deadline_seconds=options.get("login_deadline_seconds", 30.0),
    )
    _print(reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port)  # type: ignore[attr-defined]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    use_monotonic_clock(reactor)
    ensureDeferred(_main(json.loads(sys.argv[1]))).addErrback(lambda failure: logging.error("%s", failure))
    reactor.run()  # type: ignore[attr-defined]
