"""Which configuration a command is about."""

import os
import shlex
from pathlib import Path
from typing import Final

import click

#: The name that is looked for in the current folder, and that `gitgate init` gives.
FILE_NAME: Final = "gitgate.yaml"

#: What people call it by mistake, in any case.
_ALMOST: Final = frozenset({FILE_NAME, "gitgate.yml", ".gitgate.yaml", ".gitgate.yml"})

config_option = click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"The configuration. Without it: $GITGATE_CONFIG, else ./{FILE_NAME}.",
)


def find_configuration(config_file: Path | None) -> Path | None:
    """The file that `-c` names, else `$GITGATE_CONFIG`, else ./gitgate.yaml where it is; None where it is not.

    Raises `click.UsageError` where a file of almost that name would be passed by.
    """
    if config_file is not None:
        return config_file
    if named := os.environ.get("GITGATE_CONFIG"):
        return Path(named)
    return configuration_in(Path())


def configuration_in(directory: Path) -> Path | None:
    """The folder's gitgate.yaml. Raises `click.UsageError` where it only has a file of almost that name."""
    file = directory / FILE_NAME
    # A link that leads nowhere is a mistake to tell of, not the absence of a configuration.
    if os.path.lexists(file):
        return file
    for name in _names_in(directory):
        if name.casefold() in _ALMOST:
            other = directory / name
            raise click.UsageError(
                f"{other} is not looked for, and would not count: did you mean {FILE_NAME}?"
                f" Rename it, or name it with -c {shlex.quote(str(other))}"
            )
    return None


def refuse_configuration_in(directory: Path, command: str) -> None:
    """Raises `click.UsageError` where the folder has a configuration, to which `command` would give its due."""
    if (file := configuration_in(directory)) is not None:
        raise click.UsageError(
            f"{file} says what is served, and to whom; as a DIRECTORY, the folder would be served without it."
            f" Use the configuration: {command} -c {shlex.quote(str(file))}"
        )


def _names_in(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []  # whoever serves the folder is told why it cannot be listed


def need_configuration(config_file: Path | None) -> Path:
    """As `find_configuration`; a usage error where there is none."""
    found = find_configuration(config_file)
    if found is None:
        raise click.UsageError(
            f"there is no ./{FILE_NAME}, and $GITGATE_CONFIG is not set: name a file with -c,"
            " or make one with `gitgate init`"
        )
    return found
