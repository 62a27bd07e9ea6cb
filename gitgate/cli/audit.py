"""`gitgate audit`"""

import click


@click.group()
def audit() -> None:
    """Explain the audit log."""


@audit.command()
def schema() -> None:
    """Print the JSON Schema of a record.

    The audit log has one record in a line, for each operation. Where it is written says `audit` in the configuration.
    """
    from gitgate.audit_json import schema_text

    click.echo(schema_text(), nl=False)
