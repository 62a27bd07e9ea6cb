"""`gitgate check`"""

from pathlib import Path

import click

from gitgate.cli.configuration_file import config_option, need_configuration
from gitgate.cli.stops import Misconfigured, told


@click.command()
@config_option
def check(config_file: Path | None) -> None:
    """Tell everything that is wrong with the configuration. Changes nothing, and does not need the server to stop.

    Plugins are built as for serving, keys and certificates are read, and git is run once.
    """
    file = need_configuration(config_file)
    from gitgate.cli.findings import findings

    with told():
        found = findings(file)
    for line in found.fine:
        click.echo(line)
    if found.problems:
        raise Misconfigured("\n".join(str(problem) for problem in found.problems))
    click.echo(f"{file} is fine")
