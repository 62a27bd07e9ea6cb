"""`gitgate demo`"""

import tempfile
from pathlib import Path

import click

from gitgate.cli.stops import NotDone, Unavailable, told


@click.command()
@click.argument("directory", required=False, type=click.Path(file_okay=False, path_type=Path))
def demo(directory: Path | None) -> None:
    """Serve an example, and print commands to try.

    Only this machine can reach it. The example is made in DIRECTORY, which must be new or empty, and stays there.
    Without DIRECTORY it is made in a temporary folder, and removed in the end.
    """
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="gitgate-demo-") as temporary:
            _serve(Path(temporary))
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        occupied = any(directory.iterdir())
    except OSError as error:
        raise Unavailable(f"gitgate: {error.filename or directory}: {error.strerror}") from None
    if occupied:
        raise NotDone(f"gitgate: {directory} is not empty; name a new folder for the example")
    _serve(directory)


def _serve(directory: Path) -> None:
    from gitgate.cli.demo_commands import demo_commands
    from gitgate.cli.demo_folder import free_ports, make_demo
    from gitgate.cli.directory_mode import serve_directory
    from gitgate.cli.running import run
    from gitgate.cli.start_lines import start_lines

    with told():
        demo = make_demo(directory.absolute())
        served = serve_directory(demo.directory, free_ports(), host_keys=(demo.host_key,), loopback=True)
        run(
            served.config,
            lambda server: start_lines(
                str(demo.directory), served.config, server.doors, server.accepted, demo_commands(demo, server.doors)
            ),
        )
