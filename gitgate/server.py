"""Puts the parts together, opens the doors, and closes them. The way in for programs that embed gitgate.

    Config -> PluginChain -> Gateway -> transports -> Server

`docs/embedding.md` shows a whole program.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred

from gitgate.at_once import begin
from gitgate.audit import Audit
from gitgate.audit_log import AuditLog, AuditLogUnusable
from gitgate.config.cache_directory import cache_directory
from gitgate.config.listener import Listener, TlsSettings
from gitgate.config.model import AuditSettings, Config, GitSettings, Limits
from gitgate.config.problems import ConfigError, Problem
from gitgate.deadline import within
from gitgate.doors import Door, DoorBlocked, close_port, open_port, url_of
from gitgate.gateway import Gateway
from gitgate.git.answer_cache import AnswerCache
from gitgate.git.command import Git
from gitgate.git.installed import find_git
from gitgate.git.runner import GitRunner
from gitgate.login_turns import LoginTurns
from gitgate.plugin import AuditRecord, SettingsError, Transport
from gitgate.plugin_chain import PluginChain
from gitgate.plugin_registration import Member, PluginUnsuitable
from gitgate.reactor import use_monotonic_clock
from gitgate.transports.connections import Connections
from gitgate.transports.git import GitFactory
from gitgate.transports.http.site import HttpSite
from gitgate.transports.ssh.factory import SshFactory, room_for_answers
from gitgate.transports.ssh.host_keys import load_host_keys
from gitgate.transports.tls import ServerCertificate, TlsFactory

#: All that a program needs which embeds gitgate, besides `gitgate.plugin` for its plugins.
__all__ = [
    "AuditLogUnusable",
    "AuditSettings",
    "Door",
    "DoorBlocked",
    "GitSettings",
    "Limits",
    "Listener",
    "Member",
    "Server",
    "TlsSettings",
    "members",
    "use_monotonic_clock",
]

_log = logging.getLogger(__name__)

#: How long operations may go on once the server is told to stop. Then their clients are disconnected.
_DRAIN_SECONDS: Final = 10.0

#: How long clients of operations that have ended by then may take for their last bytes.
_FAREWELL_SECONDS: Final = 5.0

#: How long what was ended at once may take for that.
_ABORT_SECONDS: Final = 2.0

#: A program that makes packs in git's place, perhaps another for each user (git-config(1)).
_OWN_PACKER: Final = "uploadpack.packobjectshook"


class Server(Service):
    """Serves git through every door of `listen`, as the plugins decide.

    `members` are asked in this order. Constructing it reads host keys and certificates and looks for git, and so raises
    `HostKeyUnusable`, `TlsFilesUnusable`, `NoGit` or `PluginUnsuitable`; it opens nothing. `accepted` holds the kinds
    of credentials that some plugin answers for.
    """

    def __init__(
        self,
        *,
        reactor: Any,
        listen: Sequence[Listener],
        members: Sequence[Member],
        limits: Limits | None = None,
        git: GitSettings | None = None,
        audit: AuditSettings | None = None,
        public_urls: Mapping[str, str] | None = None,
    ) -> None:
        limits, git = limits or Limits(), git or GitSettings()
        self.doors: tuple[Door, ...] = ()
        self._reactor = reactor
        self._chain = PluginChain(members, reactor)
        self.accepted: frozenset[type] = self._chain.accepted
        self._audit_log = _audit_log(audit or AuditSettings(), reactor)
        self._runner = GitRunner(reactor, _installed_git(git), limits, _cache(git))
        self._why_cut_off: str | None = None
        recording = Audit(reactor, self._audited, why_cut_off=lambda: self._why_cut_off or "the client went away")
        self._gateway = Gateway(self._chain, self._runner, recording, public_urls or {}, LoginTurns(reactor, limits))
        self._connections = Connections(limits, reactor)
        self._limits = limits
        self._answers = room_for_answers()
        self._telling: set[Deferred[None]] = set()
        self._factories = [(listener, self._factory(listener, public_urls or {})) for listener in listen]
        self._ports: list[Any] = []

    @classmethod
    def from_config(cls, config: Config, reactor: Any) -> "Server":
        """The server that a configuration describes. Raises `ConfigError` for plugins that cannot work, as well."""
        try:
            return cls(
                reactor=reactor,
                listen=config.listen,
                members=members(config),
                limits=config.limits,
                git=config.git,
                audit=config.audit,
                public_urls=config.public_urls,
            )
        except PluginUnsuitable as unsuitable:
            entry = next(entry for entry in config.plugins if entry.name == unsuitable.plugin)
            raise ConfigError([entry.problem(unsuitable.why)]) from unsuitable

    async def start(self) -> None:
        """Start the plugins and open every door, or none. Raises `AuditLogUnusable` or `DoorBlocked`."""
        if self._audit_log is not None:
            self._audit_log.open()
        await self._chain.start()
        self._why_cut_off = None
        try:
            self._ports = []
            self._open_doors()
        except DoorBlocked:
            await self.stop()
            raise
        self.doors = tuple(
            Door(listener, url_of(listener, port))
            for (listener, _), port in zip(self._factories, self._ports, strict=True)
        )

    def _open_doors(self) -> None:
        """All of them. Raises `DoorBlocked` for the first that cannot be opened; the log has the others."""
        blocked: list[DoorBlocked] = []
        for listener, factory in self._factories:
            try:
                self._ports.append(open_port(listener, factory, self._reactor))
            except DoorBlocked as error:
                blocked.append(error)
        if blocked:
            first, *others = blocked
            for other in others:
                _log.error("%s", other)
            raise first

    async def stop(self) -> None:
        """Close the doors, let operations end for a while, disconnect the others, and stop the plugins."""
        ports, self._ports, self.doors = self._ports, [], ()
        for port in ports:
            await close_port(port)
        draining = self._runner.stop()
        was_idle = draining.called
        try:
            await within(_DRAIN_SECONDS, draining, self._reactor)
            if not was_idle:
                await self._clients_have_left()
        except TimeoutError:
            _log.warning("operations still run after %g s; their clients are disconnected", _DRAIN_SECONDS)
        self._cut_off("the server stopped")
        await _turn(self._reactor)  # connections hear only now that they are lost, and what no git runs for yet ends
        await self._runner.stop()
        await _turn(self._reactor)  # what git ran for is recorded
        # Each plugin has its own deadline for a record, so this ends.
        while self._telling:
            await next(iter(self._telling))
        await self._chain.stop()
        if self._audit_log is not None:
            self._audit_log.close()

    async def abort(self) -> None:
        """Disconnect every client and end every git, with all that it has started, within some two seconds.

        For somebody who does not wait for `stop`, which may run at the time.
        """
        self._cut_off("the server was ended")
        self._runner.end_at_once()
        try:
            await within(_ABORT_SECONDS, self._runner.stop(), self._reactor)
            await _turn(self._reactor)  # what git ran for is recorded
        except TimeoutError:
            _log.error("operations still run %g s after they were ended, and have no record", _ABORT_SECONDS)

    def _cut_off(self, why: str) -> None:
        self._why_cut_off = self._why_cut_off or why
        self._connections.abort()

    async def _clients_have_left(self) -> None:
        """Waits a little for those who were just served: their last bytes are on the way, and they go by themselves."""
        give_up = self._reactor.seconds() + _FAREWELL_SECONDS
        while self._connections.count and self._reactor.seconds() < give_up:
            await _turn(self._reactor, 0.02)

    def startService(self) -> None:
        """For Twisted's application framework, where nobody awaits the start: a failure is logged."""
        super().startService()
        ensureDeferred(self.start()).addErrback(lambda failure: _log.error("%s", failure.value))

    def stopService(self) -> "Deferred[None]":
        """The other end of `startService`."""
        super().stopService()
        return ensureDeferred(self.stop())

    def _audited(self, record: AuditRecord) -> None:
        if self._audit_log is not None:
            self._audit_log.write(record)
        # No client waits for what plugins do with a record; the end of the server does.
        telling = begin(self._chain.audited(record))
        if telling is not None:
            self._telling.add(telling.outcome)
            telling.outcome.addBoth(lambda _: self._telling.discard(telling.outcome))

    def _factory(self, listener: Listener, public_urls: Mapping[str, str]) -> Any:
        match listener.transport:
            case Transport.SSH:
                return SshFactory(
                    self._gateway,
                    self._connections,
                    self._reactor,
                    load_host_keys(listener.host_keys),
                    limits=self._limits,
                    public_url=public_urls.get("ssh"),
                    answers=self._answers,
                )
            case Transport.GIT:
                return GitFactory(self._gateway, self._connections, self._reactor, limits=self._limits)
            case Transport.HTTP | Transport.HTTPS:
                site = HttpSite(
                    self._gateway,
                    self._connections,
                    self._reactor,
                    transport=listener.transport,
                    limits=self._limits,
                )
                if listener.tls is None:
                    return site
                certificate = ServerCertificate(listener.tls.certificate, listener.tls.key)
                return TlsFactory(certificate, site, self._reactor)


def members(config: Config) -> list[Member]:
    """The configured plugins, built from their settings. Raises `ConfigError` with each that refuses its settings."""
    built: list[Member] = []
    problems: list[Problem] = []
    for entry in config.plugins:
        try:
            plugin = entry.plugin_class() if entry.settings is None else entry.plugin_class(entry.settings)
        except SettingsError as error:
            problems.append(entry.problem(str(error), key=error.key))
            continue
        except Exception as error:
            _log.exception("the plugin %s could not be built", entry.name)
            problems.append(entry.problem(f"the plugin itself failed: {type(error).__name__}: {error}"))
            continue
        built.append(
            Member(
                name=entry.name,
                plugin=plugin,
                deadline_seconds=float(entry.deadline),
                abstain_on_error=entry.on_error == "abstain",
                hooks=entry.hooks,
            )
        )
    if problems:
        raise ConfigError(problems)
    return built


def _audit_log(settings: AuditSettings, reactor: Any) -> AuditLog | None:
    if settings.file is None:
        return None
    return AuditLog(None if settings.file == "-" else settings.file, reactor.seconds)


def _installed_git(settings: GitSettings) -> Git:
    search_path = os.environ.get("PATH", os.defpath)
    return Git(
        executable=find_git(settings.executable, search_path),
        search_path=search_path,
        config=settings.config,
        environment=settings.environment,
        max_push_bytes=int(settings.max_push_size),
        check_objects=settings.check_objects,
        trust_repositories=settings.trust_repositories,
    )


def _cache(settings: GitSettings) -> AnswerCache | None:
    """None also where git itself is told to have its answers made by a program of the operator's."""
    if not settings.cache_size or _OWN_PACKER in (key.lower() for key in settings.config):
        return None
    return AnswerCache(settings.cache_size, settings.cache_folder or cache_directory(os.environ))


async def _turn(reactor: Any, seconds: float = 0) -> None:
    """Waits until the reactor has done what is due now, or within some seconds."""
    turned: Deferred[None] = Deferred()
    reactor.callLater(seconds, turned.callback, None)
    await turned
