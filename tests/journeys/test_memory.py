"""What goes through leaves nothing behind, and a client that stalls costs no memory.

`make test-large` does this with a gigabyte. By default it is a sixteenth of that, and still twice what may stay.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import wait_until

_SIZE = int(os.environ.get("GITGATE_TEST_LARGE_BYTES", 2**26))
_BLOB = 2**24
#: git shall not spend minutes on looking for deltas in random bytes.
_AS_IT_IS = (("core.bigFileThreshold", "1m"), ("core.compression", "0"))
_MOST_GROWTH_KIB = 32 * 1024


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of _SIZE bytes that cannot be compressed."""
    repository = tmp_path_factory.mktemp("large") / "big.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", repository], check=True)
    for setting in _AS_IT_IS:
        subprocess.run(["git", "config", *setting], cwd=repository, check=True)
    importing = subprocess.Popen(["git", "fast-import", "--quiet"], cwd=repository, stdin=subprocess.PIPE)
    assert importing.stdin is not None
    with importing.stdin as stream:
        for number in range(_SIZE // _BLOB):
            stream.write(b"blob\nmark :%d\ndata %d\n" % (number + 1, _BLOB))
            stream.write(os.urandom(_BLOB) + b"\n")
        stream.write(b"commit refs/heads/main\ncommitter a <a@example.org> 0 +0000\ndata 3\nbig")
        for number in range(_SIZE // _BLOB):
            stream.write(b"\nM 100644 :%d %d.bin" % (number + 1, number))
        stream.write(b"\n")
    assert importing.wait() == 0
    return repository


@pytest.mark.timeout(300)
@pytest.mark.parametrize("transport", ["ssh", "http", "https", "git"], indirect=True)
def test_a_large_repository_is_cloned_and_pushed_in_constant_memory(another_site, large, transport, tmp_path):
    site = another_site()
    (site.root / "open").mkdir()
    subprocess.run(["cp", "-al", large, site.root / "open" / "big.git"], check=True)
    target = site.repository("open/target.git")
    subprocess.run(["git", "config", "core.compression", "0"], cwd=target, check=True)
    client = site.client("alice").configured(core_bigFileThreshold="1m")
    client.git("ls-remote", site.url(transport, "open/big"))  # what a first request loads is no growth
    before = site.daemon.memory_kib()

    cloned = client.run("clone", "-q", "--bare", site.url(transport, "open/big"), tmp_path / "c.git", seconds=200)
    assert cloned.returncode == 0, cloned.stderr
    pushed = client.run("push", "-q", site.url(transport, "open/target"), "main", cwd=tmp_path / "c.git", seconds=200)
    assert pushed.returncode == 0, pushed.stderr

    assert site.daemon.memory_kib("VmHWM") - before < _MOST_GROWTH_KIB
    assert sum(file.stat().st_size for file in target.rglob("*") if file.is_file()) > _SIZE


@pytest.fixture
def stopped() -> Iterator["list[subprocess.Popen[bytes]]"]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        os.killpg(process.pid, 9)
        process.wait()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("transport", ["ssh", "http", "https", "git"], indirect=True)
def test_clients_that_stall_in_the_middle_of_a_clone_cost_no_memory(another_site, large, transport, tmp_path, stopped):
    """A client asks for everything and stops reading: what git has for it must wait in git, not in the daemon."""
    site = another_site()
    (site.root / "open").mkdir()
    subprocess.run(["cp", "-al", large, site.root / "open" / "big.git"], check=True)
    client = site.client("alice")
    client.git("ls-remote", site.url(transport, "open/big"))
    before = site.daemon.memory_kib()

    for number in range(5):
        folder = tmp_path / f"{number}.git"
        stopped.append(client.popen("clone", "-q", "--bare", site.url(transport, "open/big"), folder))
    wait_until(lambda: all(list((tmp_path / f"{n}.git").glob("objects/pack/tmp_pack_*")) for n in range(5)))
    for process in stopped:
        os.killpg(process.pid, 19)  # SIGSTOP
    time.sleep(0.5)

    assert site.daemon.memory_kib() - before < _MOST_GROWTH_KIB
    client.git("ls-remote", site.url(transport, "open/big"))
