"""The hooks: everything that gitgate asks or tells a plugin."""

from collections.abc import Awaitable, Sequence
from typing import Final, TypeAlias, TypeVar

import pluggy

from gitgate.plugin.audit_record import AuditRecord
from gitgate.plugin.values import (
    Allow,
    Credentials,
    Deny,
    Finding,
    GitRequest,
    Identity,
    Missing,
    Peer,
    Rejected,
    Repository,
)

T = TypeVar("T")

#: A hook answers with a value or with an awaitable of one; None means "no opinion".
Answer: TypeAlias = T | None | Awaitable[T | None]

PROJECT: Final = "gitgate"

hookspec: Final = pluggy.HookspecMarker(PROJECT)

#: Marks a plugin's method as the implementation of the hook of the same name.
hookimpl: Final = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """The hooks of plugin API version 1.

    Decisions (`authenticate`, `resolve_path`, `authorize`) are asked in the order of the configuration; the first
    answer that is not None decides. A plain `def` runs in the plugin's own threads and may block. An `async def` runs
    on the reactor, must not block, and may await Deferreds. Raising, overrunning the deadline or returning another type
    means that the plugin is unavailable: the request is refused, and the client is told to try again.
    """

    @hookspec
    def authenticate(self, credentials: Credentials, peer: Peer) -> Answer[Identity | Rejected]:
        """Who presents these credentials?

        `Identity`: this person. `Rejected`: a name that this plugin knows, with the wrong proof. None: nobody it knows.
        Asked again with `verified=True` when a client that asked about a key signs with it. When all abstain, the login
        is refused.
        """

    @hookspec
    def enrich_identity(self, identity: Identity, peer: Peer) -> Answer[Identity | Rejected]:
        """What else is known of somebody who has just logged in?

        Every plugin is asked, in order, each with the identity that the one before returned. `Identity`: the same name,
        with groups or attributes added. `Rejected`: a disabled account. None: nothing to add.
        """

    @hookspec
    def resolve_path(self, identity: Identity, request: GitRequest) -> Answer[Repository | Missing]:
        """Which repository does this path lead to?

        `Repository`: this one. `Missing`: a path that belongs to this plugin, with nothing there. None: not its path.
        When all abstain, the repository is not found.
        """

    @hookspec
    def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Answer[Allow | Deny]:
        """May this identity do this?

        Asked before git starts, and for a push again when its commands are known (`request.updates`), before any object
        is stored. A plugin that looks at refs abstains, or allows, while `updates` is empty. `Deny.refs` names the refs
        that are refused; one refused ref refuses the whole push. When all abstain, the request is denied.

        Whether an update of a branch rewinds it is not known before its objects are there. So a push that updates refs
        is asked about once more, with `RefChange.REWIND` for each of them: where that is denied, git takes
        fast-forwards only. A change of a tag is always asked as a rewind.
        """

    @hookspec
    def create_repository(self, identity: Identity, request: GitRequest, repository: Repository) -> Answer[Repository]:
        """Make the repository that `resolve_path` returned with `exists=False`.

        Asked once `authorize` has allowed `Access.CREATE`, of the plugins in order; the first that answers has made it.
        Returns it with `exists=True`. When all abstain, the repository is not found.
        """

    @hookspec
    def list_repositories(self, identity: Identity) -> Answer[Sequence[str]]:
        """The paths of the repositories that this plugin serves, as clients would write them, for overviews.

        Every plugin is asked. What the identity may not read need not be left out: each path is resolved and authorized
        before it is shown.
        """

    @hookspec
    def check_online(self) -> Answer[Sequence[Finding]]:
        """What do you find when you look, now, at the services and places that you depend on?

        For `gitgate check --online`; a server never asks. Every plugin is asked after `started` and before `stopping`,
        also an instance that `hooks` restricts. It has a minute, whatever its deadline is.
        """

    @hookspec
    def audited(self, record: AuditRecord) -> None | Awaitable[None]:
        """An operation has ended. A failure here is logged and changes nothing."""

    @hookspec
    def started(self) -> None | Awaitable[None]:
        """The server is about to accept connections. A failure here is logged and changes nothing."""

    @hookspec
    def stopping(self) -> None | Awaitable[None]:
        """The server has ended its last operation. A failure here is logged and changes nothing."""
