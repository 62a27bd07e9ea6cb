"""The audit log of `gitgate serve`: a file, or standard output."""

import json
import signal
import subprocess
import sys
import time

CONFIGURATION = """\
version: 1
listen: [{url: "git://127.0.0.1:0"}]
plugins:
  - {use: rules, rules: [{repos: ["**"], who: [everyone], allow: [%s]}]}
  - {use: tree, root: .}
audit: {file: %s}
log: {format: json}
"""


def _missing(urls):
    return f"git ls-remote {urls['git']}/lost"


def test_the_file_stands_in_the_folder_of_the_configuration(start, sh, folder):
    (folder / "gitgate.yaml").write_text(CONFIGURATION % ("read", "audit.jsonl"))
    server = start()

    sh(_missing(server.urls))

    (record,) = map(json.loads, (folder / "audit.jsonl").read_text().splitlines())
    assert (record["verdict"], record["path"], record["service"]) == ("missing", "/lost", "git-upload-pack")


def test_standard_output_has_nothing_but_records_and_the_log_has_the_rest(environ, sh, folder, tmp_path):
    (folder / "gitgate.yaml").write_text(CONFIGURATION % ("read, write", '"-"'))
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-m", "gitgate"]
        server = subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=log)
    try:
        while '"ready"' not in (tmp_path / "log").read_text():
            assert server.poll() is None
            time.sleep(0.01)
        told = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        url = told[1]["message"].split()[1]

        sh(f"git ls-remote {url.replace('REPOSITORY', 'lost')}")
        server.send_signal(signal.SIGTERM)
        said, _ = server.communicate(timeout=30)
    finally:
        server.kill()

    assert server.returncode == 0
    assert [json.loads(line)["verdict"] for line in said.splitlines()] == ["missing"]
    assert told.pop(-2)["message"].startswith("memory: at most ")
    assert [(event["level"], event["message"]) for event in told] == [
        ("info", "gitgate 0.1.0 serves what gitgate.yaml says"),
        ("info", f"git    {url}"),
        ("warning", "whoever can connect may push without a login: rules: rules[0]"),
        ("info", "ready"),
    ]


def test_a_file_that_cannot_be_opened_is_one_line(gitgate, folder):
    (folder / "gitgate.yaml").write_text(CONFIGURATION % ("read", "lost/audit.jsonl"))

    ran = gitgate("serve")

    assert (ran.returncode, ran.stdout) == (78, "")
    assert ran.stderr == f"gitgate: cannot open the audit log {folder}/lost/audit.jsonl: No such file or directory\n"


def test_an_audit_log_on_a_full_disk_does_not_stop_the_server(start, sh, folder):
    """1. The disk of the audit log is full. 2. No record can be written. 3. So nobody is served."""
    (folder / "gitgate.yaml").write_text(CONFIGURATION % ("read", "/dev/full"))
    sh(f"git init -q --bare {folder}/app.git")
    server = start()

    reached = [sh(f"git ls-remote {server.urls['git']}/app").returncode for _ in range(3)]
    server.process.send_signal(signal.SIGTERM)

    assert (reached, server.end()) == ([0, 0, 0], 0)
    told = [event["message"] for event in map(json.loads, server.log.splitlines()) if event["logger"] == "audit_log"]
    assert told == [
        "the audit log /dev/full cannot be written, and records are lost: No space left on device",
        "the audit log /dev/full is closed; records that were lost: 3",
    ]
