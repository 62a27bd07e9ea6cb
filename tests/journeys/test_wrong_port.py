"""A URL with the port of another protocol: git is told, or sent away, and the log says what is wrong with it."""

from itertools import permutations

import pytest

CLIENTS = {"ssh": "an ssh client", "http": "an http client", "https": "a TLS client", "git": "a git:// client"}


@pytest.mark.parametrize(("scheme", "door"), list(permutations(CLIENTS, 2)))
@pytest.mark.no_twins("lines are counted")
def test_the_log_says_what_is_wrong_with_the_url(site, scheme, door):
    """A TLS client on the http port was waited for until the login deadline, and left no line."""
    mistake = (
        f"{CLIENTS[scheme]} on a{'' if door == 'git' else 'n'} {door}:// port: write {door}:// in its URL, or the port"
    )
    line = f"malformed: {mistake}" if door == "ssh" else f"request: malformed ({mistake}"
    before = site.daemon.log().count(line)
    port = site.daemon.urls[door].rpartition(":")[2]
    said = site.client().git("ls-remote", f"{scheme}://127.0.0.1:{port}/open/r", fails=True)
    site.daemon.wait_for_log(line, before + 1)
    assert site.daemon.log().count(line) == before + 1
    if (scheme, door) == ("http", "https"):
        assert f"remote: {mistake}" in said
