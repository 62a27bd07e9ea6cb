"""The twins of tests/shared/twins.py notice what they are for."""

import shutil
import subprocess

import pytest
import twins


@pytest.mark.parametrize("reads", [twins.Reads.WARM, twins.Reads.TOGETHER])
def test_of_two_clients_that_get_different_things_one_is_wrong(reads, site, unique, tmp_path, monkeypatch):
    repository = site.filled(f"open/{unique}.git", commits=1)
    other = shutil.copytree(repository, tmp_path / "other")
    subprocess.run(["git", "-C", other, "tag", "-d", "v1"], check=True, capture_output=True)
    served = tmp_path / "served"
    command = f"sh -c 'mkdir {served} 2>/dev/null && exec git-upload-pack {repository}; exec git-upload-pack {other}'"
    monkeypatch.setattr(twins, "READS", reads)
    with pytest.raises(AssertionError, match=r" tag \d+"):
        site.client().git("clone", "-q", "ssh://any/r", "r", GIT_SSH_COMMAND=command, GIT_SSH_VARIANT="simple")
    assert served.exists()
