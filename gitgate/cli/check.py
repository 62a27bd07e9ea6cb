"""`gitgate check`"""

from pathlib import Path

import click

from gitgate.cli.configuration_file import config_option, need_configuration
from gitgate.cli.stops import Misconfigured, Unavailable, told


@click.command()
@config_option
@click.option("--online", is_flag=True, help="Let plugins look at the services and folders that they need.")
def check(config_file: Path | None, online: bool) -> None:
    """Tell everything that is wrong with the configuration. Changes nothing, and does not need the server to stop.

    Plugins are built as for serving, keys and certificates are read, and git is run once. With --online, plugins are
    started, and say what they find when they connect to their directories and services, or look at the repositories.
    Run that as the server's user, whose rights they tell about.

    What works and may not be meant so is a WARNING, on standard error, and leaves the exit code as it is.

    Exit code: 0 fine, 69 a service or a folder is not as it should be, 78 the configuration is wrong.
    """
    file = need_configuration(config_file)
    from gitgate.cli.findings import findings
    from gitgate.cli.start_lines import WARNING

    with told():
        found = findings(file)
    for line in found.fine:
        click.echo(line)
    for warning in found.warnings:
        click.echo(f"{WARNING}{warning}", err=True)
    if found.problems:
        raise Misconfigured("\n".join(str(problem) for problem in found.problems))
    if online:
        _look_online(file)
    warnings = len(found.warnings) + found.logged
    click.echo(f"{file} {_usable(warnings) if warnings else 'is fine'}")


def _usable(warnings: int) -> str:
    return f"is usable, with {warnings} warning{'s' if warnings > 1 else ''}"


def _look_online(file: Path) -> None:
    from gitgate.cli.online import look_online
    from gitgate.config import load

    with told():
        found = look_online(load(file))
    for line in found.fine:
        click.echo(f"online   {line}")
    if found.problems:
        raise Unavailable("\n".join(str(problem) for problem in found.problems))
