"""`gitgate login-test`"""

from pathlib import Path

import click

from gitgate.cli.asking import address_option, client_at, key_option
from gitgate.cli.configuration_file import config_option, need_configuration
from gitgate.cli.exits import Exit
from gitgate.cli.stops import told


@click.command("login-test")
@click.argument("user")
@config_option
@key_option
@click.option(
    "--transport",
    type=click.Choice(["ssh", "http", "https"]),
    default="ssh",
    show_default=True,
    help="How the client comes; some plugins refuse passwords over http.",
)
@address_option
@click.pass_context
def login_test(
    context: click.Context, user: str, config_file: Path | None, key_file: Path | None, transport: str, address: str
) -> None:
    """Try a login step by step.

    Asks the plugins as a running server would, each once at most, and shows what each says and logs on the way; a
    directory counts a wrong password as it would count any other. The password is asked for, or read from the first
    line of standard input; with --key no password is needed, and no proof that you hold the key.

    Exit code: 0 logged in, 1 refused, 69 a plugin failed, 78 the configuration is wrong.
    """
    if not user:
        raise click.UsageError("USER is empty")
    if key_file is not None and transport != "ssh":
        raise click.UsageError("with --key, the transport is ssh")
    peer = client_at(address, transport)
    file = need_configuration(config_file)

    from gitgate.cli.key_file import read_key_file
    from gitgate.cli.login_steps import LoginSteps, outcome_lines
    from gitgate.cli.plugin_log import PluginLog
    from gitgate.cli.rehearsal import rehearse
    from gitgate.cli.typed import typed_or_piped
    from gitgate.config import load
    from gitgate.explanation import Explainer
    from gitgate.gateway import new_request_id
    from gitgate.login import Login
    from gitgate.plugin import Password
    from gitgate.refusals import Refusal, Unavailable
    from gitgate.wire.printable import printable

    with told():
        config = load(file)
    credentials = (
        Password(username=user, password=typed_or_piped(user)) if key_file is None else read_key_file(key_file, user)
    )
    log = PluginLog(config.plugins, [credentials.password] if isinstance(credentials, Password) else [])
    steps = LoginSteps(log)

    async def log_in(explainer: Explainer) -> Login:
        steps.expect(
            explainer.chain.answering("authenticate"),
            explainer.chain.answering("authenticate", credentials=credentials),
        )
        return await explainer.login(credentials, peer, new_request_id())

    what = "a password" if isinstance(credentials, Password) else credentials.fingerprint
    click.echo(f"{printable(user)} with {what}, over {transport} from {peer.address}")
    outcome: Login | Refusal
    with told(), log.attached():
        try:
            outcome = rehearse(config, log_in, steps)
        except Refusal as refusal:
            outcome = refusal
    steps.end()
    click.echo("\n" + "\n".join(outcome_lines(outcome)))
    if isinstance(outcome, Refusal):
        context.exit(Exit.UNAVAILABLE if isinstance(outcome, Unavailable) else Exit.NO)
