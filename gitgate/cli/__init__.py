"""The command line: the only code of gitgate that prints, reads the terminal or ends the process.

    serve.py            serves; with running.py (the process), start_lines.py (what it says), directory_mode.py
    demo.py             serves an example, made by demo_folder.py
    check.py            tells what is wrong with a configuration (findings.py) and with what it depends on (online.py)
    dangers.py          what it and a server warn of, with anonymous_push.py; loose_files.py: what only it does
    login_test.py       tries a login, with login_steps.py
    webhook.py          tries a webhook, with webhook_trial.py
    explain.py          tells why somebody may or may not do something, with explanation_text.py
    repos.py            lists what somebody can reach
    asking.py           who asks, for both, with key_file.py
    rehearsal.py        asks the plugins, for all of these; answer_text.py, plugin_log.py: what they say
    plugins.py          lists what is installed
    config.py           shows the configuration, its schema and its example
    audit.py            prints the schema of the audit log
    init.py, passwd.py  write the first configuration; write a user's password (typed.py)
    exits.py, stops.py  how commands end
    logs.py, systemd.py what a running server tells the machine

Each command imports what it works with only when it runs, so that `gitgate --version` and `--help` answer at once.
"""

import sys

import click

from gitgate import __version__
from gitgate.cli.audit import audit
from gitgate.cli.check import check
from gitgate.cli.config import config
from gitgate.cli.demo import demo
from gitgate.cli.exits import Exit
from gitgate.cli.explain import explain
from gitgate.cli.init import init
from gitgate.cli.login_test import login_test
from gitgate.cli.passwd import passwd
from gitgate.cli.plugins import plugins
from gitgate.cli.repos import repos
from gitgate.cli.serve import serve
from gitgate.cli.webhook import webhook


@click.group(
    commands=[serve, check, explain, repos, login_test, webhook, plugins, config, audit, init, passwd, demo],
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="gitgate %(version)s")
@click.pass_context
def gitgate(context: click.Context) -> None:
    """Serve git repositories over ssh, http(s) and git://, as plugins decide.

    Without a command, it is `gitgate serve`.
    """
    if context.invoked_subcommand is None:
        context.invoke(serve)


def main() -> None:
    """Run the command line of this process. Does not return."""
    try:
        gitgate(prog_name="gitgate")
    except Exception:
        from gitgate.cli import logs

        logs.bug()
        sys.exit(Exit.BUG)
