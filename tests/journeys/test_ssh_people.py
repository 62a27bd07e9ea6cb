"""What people see who come by ssh: at the prompt, refused, and with a terminal."""

import subprocess


def _ssh(site, user, *arguments, terminal=False, **options):
    client = site.client(user)
    host, _, port = site.daemon.urls["ssh"].rpartition("/")[2].rpartition(":")
    command = [
        *client.environment["GIT_SSH_COMMAND"].split(),
        "-p",
        port,
        *(["-tt"] if terminal else []),
        f"{user}@{host}",
    ]
    return subprocess.run(
        [*command, *arguments], env=dict(client.environment), capture_output=True, stdin=subprocess.DEVNULL, check=False
    )


def test_x(site):
    ran = _ssh(site, "alice")
    assert ran.stdout == b"", ran
