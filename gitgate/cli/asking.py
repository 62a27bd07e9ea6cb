"""Who asks, and how they come: what `explain` and `repos` have in common. No server runs; its plugins are asked."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cached_property, wraps
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from gitgate.cli.configuration_file import config_option, need_configuration, refuse_configuration_in
from gitgate.cli.stops import told

if TYPE_CHECKING:
    from gitgate.config import Config
    from gitgate.explanation import Explainer, Somebody
    from gitgate.plugin import Peer

T = TypeVar("T")

_ANONYMOUS: Final = "anonymous"


@dataclass(frozen=True, kw_only=True)
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
        """Where the client is: at the door that is named, or at the first there is that such a client uses."""
        usual = ("https", "http", "git") if self.username(user) is None else ("ssh", "https", "http")
        client = client_at(self.address, self.transport or usual[0])
        if self.transport is not None or self.key_file is not None:
            return client
        with told():
            doors = {listener.transport.value for listener in self._config.listen}
        return client_at(self.address, next((door for door in usual if door in doors), usual[0]))

    def note(self, user: str) -> str | None:
        """What is not known of somebody who is named, and has proved nothing."""
        if self.key_file is not None or user == _ANONYMOUS:
            return None
        return f"The name is taken as given: whether {user} can log in is not looked at; `gitgate login-test` does."

    def username(self, user: str) -> str | None:
        """The name in the client's URL."""
        return None if user == _ANONYMOUS and self.key_file is None else user

    def ask(self, question: "Callable[[Explainer], Coroutine[Any, Any, T]]") -> T:
        """The answer of the plugins that the configuration names, or of those that a folder is served with."""
        with told():
            from gitgate.cli.rehearsal import rehearse

            return rehearse(self._config, question)

    @cached_property
    def _config(self) -> "Config":
        from gitgate.cli.directory_mode import Ports, serve_directory
        from gitgate.config import load

        if self.directory is None:
            return load(need_configuration(self.config_file))
        if self.config_file is not None:
            raise click.UsageError("--directory and -c exclude each other")
        refuse_configuration_in(self.directory, f"gitgate {click.get_current_context().info_name}")
        return serve_directory(self.directory, Ports()).config


def client_at(address: str, transport: str) -> "Peer":
    """A client at this address, as `--address` has it. Raises `click.UsageError`."""
    from gitgate.plugin import Peer, Transport

    try:
        address = str(ip_address(address))
    except ValueError:
        raise click.UsageError(f"--address {address!r} is not an IP address") from None
    encrypted = transport in (Transport.SSH.value, Transport.HTTPS.value)
    return Peer(transport=Transport(transport), address=address, port=0, encrypted=encrypted)


key_option: Final = click.option(
    "--key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Log in with this public key; USER is then the name in the URL, such as git.",
)

address_option: Final = click.option(
    "--address", default="127.0.0.1", show_default=True, help="The client's IP address."
)

_OPTIONS: Final = (
    config_option,
    click.option(
        "--directory",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Instead of a configuration: a folder, as `gitgate serve DIRECTORY` serves it.",
    ),
    key_option,
    click.option(
        "--group", "groups", multiple=True, help="USER is in this group (may be repeated), and no plugin adds any."
    ),
    click.option(
        "--transport",
        type=click.Choice(["ssh", "http", "https", "git"]),
        help="How the client comes: over the first of ssh, https and http that is listened on, unless given.",
    ),
    address_option,
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
