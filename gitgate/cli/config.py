"""`gitgate config`"""

from pathlib import Path

import click

from gitgate.cli.configuration_file import config_option, need_configuration
from gitgate.cli.stops import told


@click.group()
def config() -> None:
    """Show the configuration, its schema or an example."""


@config.command()
@config_option
def show(config_file: Path | None) -> None:
    """Print the configuration that is in effect.

    Defaults are written out, and secrets are hidden.
    """
    import yaml

    from gitgate.config import load
    from gitgate.config import show as shown

    with told():
        effective = shown(load(need_configuration(config_file)))
    click.echo(yaml.safe_dump(effective, sort_keys=False, allow_unicode=True), nl=False)


@config.command()
def schema() -> None:
    """Print the JSON Schema, for editors.

    It has the settings of all plugins that are installed.
    """
    import json

    from gitgate.config import schema as json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@config.command()
def example() -> None:
    """Print an example that explains every key."""
    click.echo(_example().read_text(encoding="utf-8"), nl=False)


def _example() -> Path:
    """The file as it is installed; in a checkout, where people see it first: at the top."""
    import gitgate.config

    package = Path(gitgate.config.__file__).parent
    installed = package / "gitgate.yaml.example"
    return installed if installed.exists() else package.parent.parent / "gitgate.yaml.example"
