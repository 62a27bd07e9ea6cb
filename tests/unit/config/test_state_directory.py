"""Where gitgate keeps its own files."""

from pathlib import Path

import pytest

from gitgate.config.state_directory import default_host_keys, state_directory


@pytest.mark.parametrize(
    ("environ", "directory"),
    [
        ({"STATE_DIRECTORY": "/var/lib/gitgate", "XDG_STATE_HOME": "/x", "HOME": "/h"}, "/var/lib/gitgate"),
        ({"STATE_DIRECTORY": "/var/lib/gitgate:/var/lib/other"}, "/var/lib/gitgate"),
        ({"STATE_DIRECTORY": "", "XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/gitgate"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/gitgate"),
        ({"HOME": "/h"}, "/h/.local/state/gitgate"),
    ],
)
def test_the_state_directory_is_systemds_then_the_users(environ: dict[str, str], directory: str) -> None:
    assert state_directory(environ) == Path(directory)


def test_the_default_host_keys_are_a_modern_one_and_one_for_old_clients() -> None:
    assert [str(path) for path in default_host_keys({"STATE_DIRECTORY": "/s"})] == [
        "/s/ssh_host_ed25519_key",
        "/s/ssh_host_rsa_key",
    ]
