"""`gitgate init`"""

import shlex
from pathlib import Path

import click

from gitgate.cli.stops import told


@click.command()
@click.argument("directory", default=".", type=click.Path(file_okay=False, path_type=Path))
def init(directory: Path) -> None:
    """Write a first configuration into DIRECTORY.

    With it come host keys, empty files for passwords and ssh keys, and a folder with one empty repository. Nothing that
    exists is changed: where one of the files is there already, nothing is written.
    """
    from gitgate.cli.first_files import write_first_files

    with told():
        first = write_first_files(directory)
    click.echo(f"{first.configuration} is written. Next, choose a name and a password, and serve:")
    click.echo(f"  gitgate passwd {_quoted(first.passwords)} alice")
    click.echo(f"  gitgate serve -c {_quoted(first.configuration)}")
    click.echo("and in another terminal:")
    click.echo(f"  git clone http://alice@localhost:8080/{first.repository.stem}")
    click.echo("To make another repository:")
    click.echo(f"  git init --bare {_quoted(first.repository.with_name('NAME.git'))}")


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
