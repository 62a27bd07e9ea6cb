"""`gitgate webhook`"""

import os
from pathlib import Path
from typing import Final

import click

from gitgate.cli.asking import address_option, client_at
from gitgate.cli.configuration_file import config_option, need_configuration
from gitgate.cli.exits import Exit
from gitgate.cli.stops import NotDone, told

#: The name of the plugin in `use`. Nothing else is known of it here.
_USE: Final = "webhook"


@click.group()
def webhook() -> None:
    """Try the services behind webhooks."""


@webhook.command()
@click.argument("name", required=False)
@config_option
@click.option("--user", default="gitgate-test", show_default=True, help="Who would do it; may be anonymous.")
@click.option("--group", "groups", multiple=True, help="A group of the user (may be repeated).")
@click.option("--repository", default="gitgate/test", show_default=True, help="What they would do it to.")
@click.option("--ref", default="refs/heads/main", show_default=True, help="What they would push to.")
@click.option(
    "--transport",
    type=click.Choice(["ssh", "http", "https", "git"]),
    default="ssh",
    show_default=True,
    help="How the client comes.",
)
@address_option
@click.pass_context
def test(
    context: click.Context,
    name: str | None,
    config_file: Path | None,
    user: str,
    groups: tuple[str, ...],
    repository: str,
    ref: str,
    transport: str,
    address: str,
) -> None:
    """Send each kind of question to a service.

    Shows what the plugin logs of the exchange, and how the answer is understood. NAME is that of an entry of the
    configuration whose `use` is webhook; without it, all of them are tried. They are asked what they are configured to
    answer: a login with a made-up password, groups, a path, and rights to read, to push and to move a ref. A service
    sees nothing that tells these questions from others. Records for `audited` are not sent.

    Exit code: 0 every question was answered, whatever the answer; 1 there is no such entry; 69 one was not answered;
    78 the configuration is wrong.
    """
    if not user:
        raise click.UsageError("--user is empty")
    peer = client_at(address, transport)
    file = need_configuration(config_file)

    from gitgate.cli.plugin_log import PluginLog
    from gitgate.cli.rehearsal import FailedStarts, rehearse
    from gitgate.cli.webhook_trial import Case, Trial
    from gitgate.config import load
    from gitgate.explanation import Explainer
    from gitgate.plugin import Identity, Repository
    from gitgate.wire.malformed import Malformed
    from gitgate.wire.paths import normalize_path

    try:
        path = normalize_path(os.fsencode(repository))
        name_of_repository = path.removeprefix("/").removesuffix(".git")
        made_up = Repository(directory=Path("/nonexistent", f"{name_of_repository}.git"), name=name_of_repository)
    except (Malformed, ValueError) as error:
        raise click.UsageError(f"--repository cannot be asked for: {error}") from None
    identity = Identity(name=user, groups=frozenset(groups))
    if identity.is_anonymous and groups:
        raise click.UsageError("`anonymous` is in no group")
    case = Case(
        identity=identity,
        path=path,
        repository=made_up,
        ref=ref if ref.startswith("refs/") else f"refs/heads/{ref}",
        peer=peer,
    )
    with told():
        config = load(file)
    entries = [entry for entry in config.plugins if entry.use == _USE]
    tried = [entry.name for entry in entries if name in (None, entry.name)]
    if not tried:
        known = f"; there are: {', '.join(entry.name for entry in entries)}" if entries else ""
        raise NotDone(f"gitgate: {file} has no plugin with `use: {_USE}`" + (f" called {name}{known}" if name else ""))
    log = PluginLog(config.plugins)

    async def try_all(explainer: Explainer) -> int:
        failures = 0
        for number, plugin in enumerate(tried):
            if number:
                click.echo()
            trial = Trial(explainer.chain, plugin, case, log)
            await trial.run()
            failures += trial.failures
        return failures

    starts = FailedStarts()
    with told(), log.attached():
        failures = rehearse(config, try_all, starts)
    for failure in starts.failures:
        click.echo(f"gitgate: {failure}", err=True)
    if failures:
        context.exit(Exit.UNAVAILABLE)
