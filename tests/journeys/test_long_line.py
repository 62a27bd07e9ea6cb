"""http and git:// over a line of 200 ms on which each hundredth packet is lost: what git says arrives byte for byte."""

import http.client
import os
import socket
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from gitgate.wire.pktline import encode


@pytest.fixture(scope="module")
def big(site) -> Path:
    """A repository with 4 MiB that cannot be compressed, and of which git always makes the same pack."""
    repository = site.repository("open/long-line.git")
    client = site.client()
    client.git("config", "pack.threads", "1", cwd=repository)
    work = client.work_tree(str(repository))
    for number in range(4):
        (work / f"random{number}").write_bytes(os.urandom(2**20))
    client.commit(work)
    client.git("push", "-q", "origin", "HEAD:main", cwd=work)
    return repository


@pytest.mark.parametrize(("transport", "protocol"), [("http", "2"), ("https", "0"), ("git", "2")])
def test_a_repository_is_cloned_and_pushed_whole(site, long_line, big, transport, protocol, unique):
    client = site.client().configured(protocol_version=protocol)
    here = site.daemon.urls[transport].rpartition(":")[2]
    copy, target = client.home / "copy", site.repository(f"open/{unique}.git")

    client.git("clone", "-q", site.url(transport, "open/long-line").replace(here, str(long_line(transport))), copy)
    url = site.url(transport, f"open/{unique}").replace(here, str(long_line(transport)))
    client.git("push", "-q", url, "HEAD:main", cwd=copy)
    refused = client.run("push", url, "HEAD~9:main", cwd=copy)

    tip = client.git("rev-parse", "main", cwd=big)
    for repository in (copy, target):
        assert client.git("rev-parse", "HEAD", cwd=repository) == tip
        client.git("fsck", "--full", "--no-progress", cwd=repository)
    assert refused.returncode == client.run("push", target, "HEAD~9:main", cwd=copy).returncode != 0


def said(answer: bytes) -> tuple[list[bytes], bytes]:
    """The packets that git has said, and the pack, which is cut into packets as it comes out of a pipe."""
    packets, pack, position = [], b"", 0
    while position < len(answer):
        length = int(answer[position : position + 4], 16)
        packet = answer[position + 4 : position + length]
        if packet.startswith(b"\1"):
            pack += packet[1:]
        else:
            packets.append(packet)
        position += max(length, 4)
    assert answer.endswith(b"0000")
    return packets, pack


@pytest.mark.parametrize("transport", ["http", "git"])
def test_each_byte_is_that_of_git(long_line, big, transport):
    """A pack has a checksum, and what stands around it has none."""
    tip = subprocess.run(["git", "rev-parse", "main"], cwd=big, check=True, capture_output=True).stdout.strip()
    asked = encode(b"want " + tip + b" side-band-64k ofs-delta no-progress agent=x\n") + b"0000" + encode(b"done\n")
    if transport == "http":
        connection = http.client.HTTPConnection("127.0.0.1", long_line("http"), timeout=60)
        kind = {"Content-Type": "application/x-git-upload-pack-request"}
        connection.request("POST", "/open/long-line/git-upload-pack", asked, kind)
        answer = connection.getresponse().read()
        connection.close()
    else:
        with socket.create_connection(("127.0.0.1", long_line("git")), timeout=60) as client:
            client.sendall(encode(b"git-upload-pack /open/long-line\0host=x\0") + asked)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
    by_git = subprocess.run(
        ["git", "upload-pack", *(["--stateless-rpc"] if transport == "http" else []), str(big)],
        input=asked,
        check=True,
        capture_output=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": str(files("gitgate.git") / "defaults.gitconfig")},
    ).stdout
    assert len(said(answer)[1]) > 4 * 2**20
    assert said(answer) == said(by_git)
