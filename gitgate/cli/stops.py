"""The ways in which a command ends that a person can do something about."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from gitgate.cli.exits import Exit


class Stop(click.ClickException):
    """Ends the command: its message goes to standard error, and the process exits with the code of its class."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message."""
        click.echo(self.message, file=file, err=True)


class NotDone(Stop):
    """What was asked for would harm something, or makes no sense; nothing was changed."""

    exit_code = Exit.NO


class Unavailable(Stop):
    """The machine does not have, or does not permit, what is needed."""

    exit_code = Exit.UNAVAILABLE


class Temporary(Stop):
    """What had to answer did not, and may do so later."""

    exit_code = Exit.TEMPORARY


class Misconfigured(Stop):
    """Somebody has to edit a file first."""

    exit_code = Exit.CONFIGURATION


@contextmanager
def told() -> Iterator[None]:
    """Turns what can be wrong with a configuration, or with the machine, into a `Stop`; all else is a bug."""
    from gitgate.audit_log import AuditLogUnusable
    from gitgate.config import ConfigError
    from gitgate.git.installed import NoGit
    from gitgate.plugin_registration import PluginUnsuitable
    from gitgate.server import DoorBlocked
    from gitgate.transports.ssh.host_keys import HostKeyUnusable
    from gitgate.transports.tls import TlsFilesUnusable

    try:
        yield
    except ConfigError as error:
        raise Misconfigured(str(error)) from None
    except (AuditLogUnusable, HostKeyUnusable, TlsFilesUnusable, PluginUnsuitable) as error:
        raise Misconfigured(f"gitgate: {error}") from None
    except (DoorBlocked, NoGit) as error:
        raise Unavailable(f"gitgate: {error}") from None
