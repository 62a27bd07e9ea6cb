"""`gitgate serve`"""

import os
from pathlib import Path

import click

from gitgate.cli.configuration_file import config_option, find_configuration, refuse_configuration_in
from gitgate.cli.stops import Unavailable, told

_PORT = click.IntRange(0, 65535)


@click.command()
@click.argument("directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@config_option
@click.option("--ssh-port", type=_PORT, help="Where DIRECTORY is served over ssh; 5522 if not given.")
@click.option("--http-port", type=_PORT, help="Where DIRECTORY is served over http; 8080 if not given.")
@click.option("--git-port", type=_PORT, help="Where DIRECTORY is served over git://; 9418 if not given.")
def serve(
    directory: Path | None,
    config_file: Path | None,
    ssh_port: int | None,
    http_port: int | None,
    git_port: int | None,
) -> None:
    """Serve repositories.

    Which ones, and to whom, is said by the configuration; or they are those in DIRECTORY (the current one, where there
    is no configuration). It may hold .htpasswd with passwords, .rsakeys with ssh keys, and .repoperms with rights.
    Without any of them, everybody on this machine may read. A port 0 is any free one.

    A DIRECTORY is served where nothing else is meant: not where it holds a gitgate.yaml, nor where $GITGATE_CONFIG or
    ./gitgate.yaml is there as well.
    """
    named = {"ssh": ssh_port, "http": http_port, "git": git_port}
    ports = {transport: port for transport, port in named.items() if port is not None}
    if directory is not None and config_file is not None:
        raise click.UsageError("DIRECTORY and -c exclude each other: a configuration says itself what is served")
    found = find_configuration(config_file)
    if directory is not None:
        refuse_configuration_in(directory, "gitgate serve")
        if found is not None:
            raise click.UsageError(_two_are_meant(found))
    if found is not None and ports:
        raise click.UsageError(
            f"--{next(iter(ports))}-port is for serving a DIRECTORY, and the ports of {found} stand in its `listen`"
        )
    with told():
        if found is not None:
            _serve_configuration(found)
        else:
            _serve_directory(directory or Path(), ports)


def _two_are_meant(found: Path) -> str:
    """What to do about a DIRECTORY beside a configuration that would have been served without it."""
    if os.environ.get("GITGATE_CONFIG"):
        whence, without = f"$GITGATE_CONFIG names {found}", "unset GITGATE_CONFIG"
    else:
        whence, without = f"there is a ./{found}", "change to another folder"
    return (
        f"DIRECTORY or a configuration can be served, and {whence}:"
        f" for the configuration, leave DIRECTORY out; for DIRECTORY, {without}"
    )


def _serve_configuration(file: Path) -> None:
    from gitgate.cli.running import run
    from gitgate.cli.start_lines import start_lines
    from gitgate.config import load

    config = load(file)
    run(config, lambda server: start_lines(f"what {file} says", config, server.doors, server.accepted))


def _serve_directory(directory: Path, ports: dict[str, int]) -> None:
    from gitgate.cli.directory_mode import Ports, serve_directory
    from gitgate.cli.running import run
    from gitgate.cli.start_lines import start_lines
    from gitgate.server import DoorBlocked

    served = serve_directory(directory, Ports(**ports))
    try:
        run(
            served.config,
            lambda server: start_lines(
                str(directory.absolute()), served.config, server.doors, server.accepted, served.notes
            ),
        )
    except DoorBlocked as blocked:
        transport = blocked.listener.transport.value
        raise Unavailable(f"gitgate: {blocked}; choose another port with --{transport}-port") from None
