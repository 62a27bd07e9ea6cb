"""Which configuration a command is about."""

import os
from pathlib import Path
from typing import Final

import click

#: The name that is looked for in the current folder, and that `gitgate init` gives.
FILE_NAME: Final = "gitgate.yaml"

config_option = click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"The configuration. Without it: $GITGATE_CONFIG, else ./{FILE_NAME}.",
)


def find_configuration(config_file: Path | None) -> Path | None:
    """The file that `-c` names, else `$GITGATE_CONFIG`, else ./gitgate.yaml where it is; None where it is not."""
    if config_file is not None:
        return config_file
    if named := os.environ.get("GITGATE_CONFIG"):
        return Path(named)
    # A link that leads nowhere is a mistake to tell of, not the absence of a configuration.
    here = Path(FILE_NAME)
    return here if os.path.lexists(here) else None


def need_configuration(config_file: Path | None) -> Path:
    """As `find_configuration`; a usage error where there is none."""
    found = find_configuration(config_file)
    if found is None:
        raise click.UsageError(
            f"there is no ./{FILE_NAME}, and $GITGATE_CONFIG is not set: name a file with -c,"
            " or make one with `gitgate init`"
        )
    return found
