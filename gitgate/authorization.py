"""Who may do what: the plugins' answers to `authorize`, and what is said of them to a client."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gitgate.plugin import (
    Access,
    Allow,
    BearerToken,
    Deny,
    GitRequest,
    Identity,
    Password,
    Peer,
    RefChange,
    RefUpdate,
    Repository,
    Service,
    Transport,
)
from gitgate.plugin_asking import PluginFailure
from gitgate.plugin_chain import PluginChain, Ruling
from gitgate.reactor import Clock
from gitgate.refusals import AccessDenied, CredentialsRequired, RepositoryHidden, Unavailable
from gitgate.turns import in_turns, parts_of
from gitgate.wire.printable import printable

_TAGS: Final = "refs/tags/"

#: In the words of the plugin `rules`.
_VERBS: Final[Mapping[RefChange, str]] = {
    RefChange.CREATE: "write",
    RefChange.UPDATE: "write",
    RefChange.REWIND: "force",
    RefChange.DELETE: "delete",
}

#: Of the refs that nobody allows, in a line of the log; the audit record has all of them.
_MOST_REFS_TOLD: Final = 3

#: What a client is shown of a plugin's message.
_LONGEST_MESSAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class AllowedPush:
    """Who allows what a push's commands say, and how a rewind is refused, where that is denied."""

    by: Ruling[Allow]
    rewinds_refused: AccessDenied | None


class Authorization:
    """Asks the plugins what an identity may do. Each answer is who allows it, each refusal a `Refusal` that is raised.

    Raises `Unavailable` where a plugin fails.
    """

    def __init__(self, chain: PluginChain, clock: Clock) -> None:
        self._chain = chain
        self._clock = clock

    async def of_request(self, identity: Identity, request: GitRequest, repository: Repository) -> Ruling[Allow]:
        """Who allows the request. Raises `CredentialsRequired`, `AccessDenied` or `RepositoryHidden`.

        Somebody who may not even read the repository is not told that it is there.
        """
        ruling = await self.vote(identity, request, repository)
        if isinstance(ruling.decision, Allow):
            return Ruling(ruling.plugin, ruling.decision)
        reason, plugin = ruling.decision.reason, ruling.plugin
        if self.login_may_help(identity, request.peer):
            raise CredentialsRequired(reason, plugin=plugin)
        if request.access is not Access.READ:
            fetch = replace(request, service=Service.UPLOAD_PACK, access=Access.READ)
            reading = await self.vote(identity, fetch, repository)
            if isinstance(reading.decision, Allow):
                message = _message(ruling.decision, request, AccessDenied.message)
                raise AccessDenied(reason, message=message, plugin=plugin)
        raise RepositoryHidden(reason, plugin=plugin)

    async def of_push(self, identity: Identity, request: GitRequest, repository: Repository) -> AllowedPush:
        """Who allows the commands of a push (`request.updates`). Raises `AccessDenied`, with the refs."""
        updates: list[RefUpdate] = []
        rewinds: list[RefUpdate] = []
        async for some in in_turns(parts_of(request.updates), self._clock):
            asked = [_rewind(update) if _moves_tag(update) else update for update in some]
            updates += asked
            rewinds += (_rewind(update) for update in asked if update.change is RefChange.UPDATE)
        ruling = await self.vote(identity, replace(request, updates=tuple(updates)), repository)
        if isinstance(ruling.decision, Deny):
            raise await self._refs_denied(ruling.plugin, ruling.decision, identity, request)
        allowed = Ruling(ruling.plugin, ruling.decision)
        if not rewinds:
            return AllowedPush(allowed, None)
        rewinding_request = replace(request, updates=tuple(rewinds))
        rewinding = await self.vote(identity, rewinding_request, repository)
        if isinstance(rewinding.decision, Allow):
            return AllowedPush(allowed, None)
        refused = await self._refs_denied(rewinding.plugin, rewinding.decision, identity, rewinding_request)
        return AllowedPush(allowed, refused)

    async def vote(self, identity: Identity, request: GitRequest, repository: Repository) -> Ruling[Allow | Deny]:
        """The decision, which is to deny where every plugin abstains."""
        try:
            ruling = await self._chain.authorize(identity, request, repository)
        except PluginFailure as failure:
            raise Unavailable(failure.what_happened, request_id=request.request_id, plugin=failure.plugin) from failure
        return ruling if ruling is not None else Ruling("default", Deny(await self._nobody_allows(request)))

    def login_may_help(self, identity: Identity, peer: Peer) -> bool:
        """Nobody is logged in, and somebody could be: here, or where this transport knows no logins, over another."""
        if peer.transport in (Transport.HTTP, Transport.HTTPS):
            return identity.is_anonymous and bool(self._chain.accepted & {Password, BearerToken})
        return identity.is_anonymous and bool(self._chain.accepted)

    async def _nobody_allows(self, request: GitRequest) -> str:
        """The reason of the default: of a push with known refs, which verb nobody allows for which."""
        refs: dict[str, list[str]] = {}
        async for some in in_turns(parts_of(request.updates), self._clock):
            for update in some:
                refs.setdefault(_VERBS[update.change], []).append(update.ref)
        if not refs:
            return "no plugin allows it"
        told = _MOST_REFS_TOLD // len(refs)
        return "no plugin allows it: " + "; ".join(f"{verb} for {_first(told, refs[verb])}" for verb in refs)

    async def _refs_denied(self, plugin: str, denial: Deny, identity: Identity, request: GitRequest) -> AccessDenied:
        """The refusal of a push for the refs that a plugin names; for all of them where it names none of the push."""
        denied = set(denial.refs)
        refs: list[str] = []
        async for some in in_turns(parts_of(request.updates), self._clock):
            refs += (update.ref for update in some if update.ref in denied)
        usually = "authentication required" if self.login_may_help(identity, request.peer) else AccessDenied.message
        return AccessDenied(
            denial.reason,
            message=_message(denial, request, usually),
            plugin=plugin,
            refs=tuple(refs) or tuple(update.ref for update in request.updates),
        )


def _moves_tag(update: RefUpdate) -> bool:
    return update.change is RefChange.UPDATE and update.ref.startswith(_TAGS)


def _rewind(update: RefUpdate) -> RefUpdate:
    return replace(update, change=RefChange.REWIND)


def _first(count: int, refs: list[str]) -> str:
    more = len(refs) - count
    return ", ".join(refs[:count]) + (f" and {more} more" if more > 0 else "")


def _message(denial: Deny, request: GitRequest, usually: str) -> str:
    """What the client is told, with the id that leads to the record.

    A plugin's message may hold what others have written, such as a ref's name, and most of them end on a terminal.
    """
    message = printable(denial.message, _LONGEST_MESSAGE) if denial.message else usually
    return f"{message} (id {request.request_id})"
