"""`gitgate passwd`"""

from pathlib import Path

import click

from gitgate.cli.stops import NotDone, Unavailable
from gitgate.cli.typed import first_line, typed_twice


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("user")
@click.option(
    "--scheme",
    type=click.Choice(("bcrypt", "argon2id")),
    default="bcrypt",
    show_default=True,
    help="How the password is stored. Apache and nginx can read bcrypt as well.",
)
@click.option(
    "--stdin", is_flag=True, help="Read the password from the first line of standard input, as without a terminal."
)
@click.option("--delete", is_flag=True, help="Take the user out of the file.")
def passwd(file: Path, user: str, scheme: str, stdin: bool, delete: bool) -> None:
    """Set the password of USER in an htpasswd FILE.

    A file that is missing is made, for its owner only. A server that runs uses the change within about a second.
    """
    if delete and stdin:
        raise click.UsageError("--delete and --stdin exclude each other")
    from gitgate_htpasswd.edit import EditRefused, remove_user, set_password

    try:
        if delete:
            remove_user(file, user)
            click.echo(f"{user} is no longer in {file}")
        else:
            set_password(file, user, first_line() if stdin else typed_twice(user), scheme)
            click.echo(f"{user} has a new password in {file}")
    except EditRefused as error:
        raise NotDone(f"gitgate: {error}") from None
    except OSError as error:
        raise Unavailable(f"gitgate: {file} cannot be written: {error.strerror}") from None
