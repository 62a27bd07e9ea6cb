import logging
import socket

import pytest

from gitgate.cli.systemd import notify


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_systemd_receives_the_state(tmp_path, abstract):
    name = f"@gitgate-test-{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name.replace("@", "\0", 1) if abstract else name)
        systemd.settimeout(10)

        notify("READY=1", {"NOTIFY_SOCKET": name})

        assert systemd.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens(caplog):
    notify("READY=1", {})

    assert caplog.records == []


def test_a_socket_that_is_gone_is_told_in_the_log_and_harms_nothing(tmp_path, caplog):
    caplog.set_level(logging.WARNING)

    notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")})

    assert [record.getMessage() for record in caplog.records] == [
        "systemd was not told READY=1: [Errno 2] No such file or directory"
    ]
