"""`gitgate explain`"""

import json
import os
import shutil
from typing import Final

import click

from gitgate.cli.asking import Asking, asking_options
from gitgate.cli.exits import Exit

#: What people may write, and the name of the `Verb` that it is.
_VERBS: Final = {
    "read": "read",
    "fetch": "read",
    "clone": "read",
    "write": "write",
    "push": "write",
    "force": "force",
    "delete": "delete",
    "create": "create",
}


@click.command()
@click.argument("user")
@click.argument("verb", type=click.Choice(list(_VERBS)))
@click.argument("repo")
@click.argument("ref", required=False)
@asking_options
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
@click.pass_context
def explain(
    context: click.Context, user: str, verb: str, repo: str, ref: str | None, asking: Asking, as_json: bool
) -> None:
    """Tell why a user may, or may not, do something.

    Asks the plugins what the server would ask them, shows what each says, and marks the one that decides. USER may be
    anonymous; clone and fetch are other words for read, and push for write. A REF that does not start with refs/ is a
    branch. Without a REF, create is about the repository.

    Exit code: 0 allowed, 1 refused, 75 a plugin failed, 78 the configuration is wrong.
    """
    from gitgate.cli.explanation_text import explanation_json, explanation_lines
    from gitgate.explanation import Verb, request_for
    from gitgate.gateway import new_request_id
    from gitgate.refusals import Unavailable
    from gitgate.wire.malformed import Malformed
    from gitgate.wire.paths import normalize_path
    from gitgate.wire.printable import printable

    what = Verb(_VERBS[verb])
    if ref is not None and what is Verb.READ:
        raise click.UsageError("rights to read are for the whole repository: leave the REF out")
    if ref is None and what in (Verb.FORCE, Verb.DELETE):
        raise click.UsageError(f"{verb} needs a REF, such as refs/heads/main")
    if ref is not None and not ref.startswith("refs/"):
        ref = f"refs/heads/{ref}"
    if ref is not None and not _may_be_a_ref(ref):
        raise click.UsageError(f"{printable(ref)} cannot be the name of a ref (git check-ref-format)")
    try:
        path = normalize_path(os.fsencode(repo))
    except Malformed as error:
        raise click.UsageError(f"REPO cannot be asked for: {error}") from None
    who = asking.somebody(user)
    request = request_for(
        what,
        path,
        asking.peer(user),
        request_id=new_request_id(),
        username=asking.username(user),
        host=asking.host,
    )
    explanation = asking.ask(lambda explainer: explainer.explain(who, request, what, ref))
    if as_json:
        click.echo(json.dumps(explanation_json(explanation), indent=2))
    else:
        click.echo("\n".join(explanation_lines(explanation)))
        if explanation.refusal is None and (note := asking.note(user)):
            click.echo(printable(note))
    if explanation.refusal is not None:
        context.exit(Exit.TEMPORARY if isinstance(explanation.refusal, Unavailable) else Exit.NO)


def _may_be_a_ref(ref: str) -> bool:
    """Whether git takes it for the name of a ref; where there is no git to be asked, it may."""
    import subprocess

    git = shutil.which("git")
    return git is None or subprocess.run([git, "check-ref-format", ref], check=False).returncode == 0  # noqa: S603
