import signal
from pathlib import Path


def _commands(lines):
    return [line.strip() for line in lines if line.startswith(("    git ", "    GIT_SSH_COMMAND="))]


def test_the_printed_commands_work_as_they_are_and_the_folder_is_gone_in_the_end(start, sh, tmp_path):
    server = start("demo")

    ran = [sh(command) for command in _commands(server.lines)]
    temporary = list(tmp_path.glob("gitgate-demo-*"))
    server.process.send_signal(signal.SIGINT)

    # For http and ssh: clone, commit, push, and a push that is refused; for git:// a clone, and a push that is refused.
    assert [each.returncode for each in ran] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128]
    assert ["access denied" in each.stderr for each in (ran[3], ran[7])] == [True, True]
    assert "authentication required" in ran[9].stderr
    assert len(temporary) == 1
    assert server.end() == 0
    assert not temporary[0].exists()
    assert "Traceback" not in server.log


def test_a_folder_that_is_named_may_have_a_blank_in_its_name_and_stays(start, sh, folder):
    place = folder / "my demo"
    server = start("demo", "my demo")
    over_ssh = next(line for line in _commands(server.lines) if line.startswith("GIT_SSH_COMMAND"))

    cloned = sh(over_ssh)
    server.process.send_signal(signal.SIGTERM)

    assert (cloned.returncode, server.end()) == (0, 0)
    assert (place / ".repoperms").exists()
    assert (place / "keys/demo_key").stat().st_mode & 0o777 == 0o600


def test_two_demos_at_once_have_different_ports(start):
    first, second = start("demo"), start("demo")

    assert set(first.urls) == set(second.urls) == {"ssh", "http", "git"}
    assert not set(first.urls.values()) & set(second.urls.values())


def test_a_folder_that_is_not_empty_is_left_alone(gitgate, folder):
    (folder / "thesis.txt").write_text("precious")

    ran = gitgate("demo", ".")

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "gitgate: . is not empty; name a new folder for the example\n"
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_the_demo_is_reached_from_this_machine_only(start):
    server = start("demo")

    assert _listening_addresses(server.process.pid) == {"0100007F"}  # 127.0.0.1, as /proc/net/tcp writes it


def _listening_addresses(pid: int) -> set[str]:
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        target = str(descriptor.readlink())
        if target.startswith("socket:["):
            sockets.add(target.removeprefix("socket:[").removesuffix("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                found.add(fields[1].partition(":")[0])
    return found
