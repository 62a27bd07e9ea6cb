"""Who asks, and how they come: what `explain` and `repos` have in common. No server runs; its plugins are asked."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from gitgate.cli.configuration_file import config_option, need_configuration
from gitgate.cli.stops import told

if TYPE_CHECKING:
    from gitgate.config import Config
    from gitgate.explanation import Explainer, Somebody
    from gitgate.plugin import Peer

T = TypeVar("T")

_ANONYMOUS: Final = "anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What the options say."""

    config_file: Path | None
    directory: Path | None
    key_file: Path | None
    groups: tuple[str, ...]
    transport: str | None
    address: str
    host: str | None

    def somebody(self, user: str) -> "Somebody":
        """Who asks. Raises `click.UsageError` for somebody who cannot be."""
        from gitgate.cli.key_file import read_key_file
        from gitgate.explanation import BY_NAME
        from gitgate.login import ANONYMOUS_LOGIN, Login
        from gitgate.plugin import Identity

        if not user:
            raise click.UsageError("USER is empty")
        if self.transport == "git" and user != _ANONYMOUS:
            raise click.UsageError("git:// knows no users; ask for `anonymous`")
        if self.key_file is not None:
            if self.groups or self.transport not in (None, "ssh"):
                raise click.UsageError("with --key, the plugins know the groups, and the transport is ssh")
            return read_key_file(self.key_file, user)
        if user == _ANONYMOUS:
            if self.groups:
                raise click.UsageError("`anonymous` is in no group")
            return ANONYMOUS_LOGIN
        if self.groups:
            return Login(identity=Identity(name=user, groups=frozenset(self.groups)), method=BY_NAME)
        return Identity(name=user)

    def peer(self, user: str) -> "Peer":
        """Where the client is."""
        from gitgate.plugin import Peer, Transport

        try:
            address = str(ip_address(self.address))
        except ValueError:
            raise click.UsageError(f"--address {self.address!r} is not an IP address") from None
        default = "https" if user == _ANONYMOUS and self.key_file is None else "ssh"
        transport = Transport(self.transport or default)
        encrypted = transport in (Transport.SSH, Transport.HTTPS)
        return Peer(transport=transport, address=address, port=0, encrypted=encrypted)

    def username(self, user: str) -> str | None:
        """The name in the client's URL."""
        return None if user == _ANONYMOUS and self.key_file is None else user

    def ask(self, question: "Callable[[Explainer], Coroutine[Any, Any, T]]") -> T:
        """The answer of the plugins that the configuration names, or of those that a folder is served with."""
        with told():
            return _ask(self._config(), question)

    def _config(self) -> "Config":
        from gitgate.cli.directory_mode import Ports, serve_directory
        from gitgate.config import load

        if self.directory is None:
            return load(need_configuration(self.config_file))
        if self.config_file is not None:
            raise click.UsageError("--directory and -c exclude each other")
        return serve_directory(self.directory, Ports()).config


_OPTIONS: Final = (
    config_option,
    click.option(
        "--directory",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Instead of a configuration: a folder, as `gitgate serve DIRECTORY` serves it.",
    ),
    click.option(
        "--key",
        "key_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Log in with this public key; USER is then the name in the URL, such as git.",
    ),
    click.option(
        "--group", "groups", multiple=True, help="USER is in this group (may be repeated), and no plugin adds any."
    ),
    click.option(
        "--transport",
        type=click.Choice(["ssh", "http", "https", "git"]),
        help="How the client comes: ssh unless given, and https for anonymous.",
    ),
    click.option("--address", default="127.0.0.1", show_default=True, help="The client's IP address."),
    click.option("--host", help="The server's name in the client's URL."),
)


def asking_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options, given to the command as `asking`."""

    @wraps(command)
    def with_asking(
        config_file: Path | None,
        directory: Path | None,
        key_file: Path | None,
        groups: tuple[str, ...],
        transport: str | None,
        address: str,
        host: str | None,
        **rest: Any,
    ) -> None:
        asking = Asking(
            config_file=config_file,
            directory=directory,
            key_file=key_file,
            groups=groups,
            transport=transport,
            address=address,
            host=host,
        )
        command(asking=asking, **rest)

    decorated: Callable[..., None] = with_asking
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def _ask(config: "Config", question: "Callable[[Explainer], Coroutine[Any, Any, T]]") -> T:
    """Runs the reactor of this process, which can be done once."""
    from twisted.internet import reactor as _reactor
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from gitgate.cli import logs
    from gitgate.config import LogSettings
    from gitgate.explanation import Explainer
    from gitgate.reactor import use_monotonic_clock
    from gitgate.server import members

    reactor: Any = _reactor
    logs.start_logging(LogSettings(level="error"))
    logs.take_over_twisted()
    use_monotonic_clock(reactor)
    explainer = Explainer(members(config), reactor)
    answers: list[T | Failure] = []

    async def ask() -> T:
        await explainer.chain.start()
        try:
            return await question(explainer)
        finally:
            await explainer.chain.stop()

    def answered(answer: T | Failure) -> None:
        answers.append(answer)
        reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(ask()).addBoth(answered))
    reactor.run()
    if not answers:  # Ctrl-C has stopped the reactor
        raise click.Abort
    [answer] = answers
    if isinstance(answer, Failure):
        answer.raiseException()
    return answer
