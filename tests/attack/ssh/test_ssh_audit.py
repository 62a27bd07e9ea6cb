"""What `ssh-audit` says of the running server: the tool by which people judge an ssh server from outside."""

import json
import subprocess
import sys
from typing import Any

CONFIGURATION = """
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key, ssh_host_rsa_key]}
plugins:
  - {use: htpasswd, file: users.htpasswd}
  - {use: tree, root: repositories}
limits: {per_source_exempt: []}
"""


def test_ssh_audit_finds_nothing_but_the_want_of_quantum_resistance_in_curve25519(another_site: Any) -> None:
    """Terrapin (CVE-2023-48795), SHA-1, curves and MACs that are frowned upon; and DHEat (CVE-2002-20001): who opens
    38 connections as fast as it can, to have us exchange keys, is turned away after some of them."""
    site = another_site(CONFIGURATION)
    port = site.daemon.urls["ssh"].rpartition(":")[2]

    ran = subprocess.run(
        [sys.executable, "-m", "ssh_audit", "-j", "-p", port, "127.0.0.1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    report = json.loads(ran.stdout)

    offered = [entry for kind in ("kex", "key", "enc", "mac") for entry in report[kind]]
    notes = {entry["algorithm"]: entry["notes"] for entry in offered}
    assert len(notes) > 10
    assert {name for name, note in notes.items() if "fail" in note} == set()
    assert {name: note["warn"] for name, note in notes.items() if "warn" in note} == {
        name: ["does not provide protection against post-quantum attacks"]
        for name in ("curve25519-sha256", "curve25519-sha256@libssh.org")
    }
    assert report["kex"][0]["algorithm"] == "mlkem768x25519-sha256"
    assert "kex-strict-s-v00@openssh.com" in notes
    assert (report["compression"], report["cves"], report["additional_notes"]) == (["none"], [], [])
