"""`gitgate repos`"""

import json
from typing import Final

import click

from gitgate.cli.asking import Asking, asking_options
from gitgate.cli.stops import NotDone, Temporary

#: The administrator waits as long as it takes.
_MOST: Final = 1_000_000
_SECONDS: Final = 3600.0


@click.command()
@click.argument("user")
@asking_options
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def repos(user: str, asking: Asking, as_json: bool) -> None:
    """List the repositories that a user can reach, with rights.

    They are those that plugins list, as far as something is allowed there. USER may be anonymous. What a user may do
    with a single ref is told by `gitgate explain`.
    """
    from gitgate.gateway import new_request_id
    from gitgate.overview import request_for_overview
    from gitgate.refusals import Refusal, Unavailable
    from gitgate.wire.printable import printable

    who = asking.somebody(user)
    request = request_for_overview(new_request_id(), asking.peer(user), asking.username(user), asking.host)
    try:
        overview = asking.ask(lambda explainer: explainer.overview(who, request, most=_MOST, seconds=_SECONDS))
    except Unavailable as failure:
        raise Temporary(f"gitgate: {failure.plugin}: {failure.reason}") from None
    except Refusal as refusal:
        raise NotDone(f"gitgate: {user} cannot log in: {refusal.reason}") from None
    if as_json:
        click.echo(json.dumps(overview.data(), indent=2))
    else:
        for line in overview.lines():
            click.echo(line)
        if note := asking.note(user):
            click.echo(printable(note), err=True)
