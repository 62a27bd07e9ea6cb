import signal


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_after_init_passwd_and_serve_a_user_clones_and_pushes(gitgate, start, sh, folder):
    made = gitgate("init", "site")
    configuration = folder / "site/gitgate.yaml"
    # The ports are those of people; a test takes any that are free.
    configuration.write_text(configuration.read_text().replace(":5522", ":0").replace("1:8080", "1:0"))

    added = gitgate("passwd", "site/users.htpasswd", "alice", "--stdin", given="secret\n")
    server = start("serve", "-c", "site/gitgate.yaml")
    url = server.urls["http"].replace("://", "://alice:secret@") + "/hello"
    ran = sh(
        f"git clone {url} && cd hello && git -c user.name=a -c user.email=a@b commit --allow-empty -m x && git push"
    )
    server.process.send_signal(signal.SIGTERM)

    assert (made.returncode, added.returncode) == (0, 0)
    assert ran.returncode == 0, ran.stderr
    assert server.end() == 0


def test_init_writes_a_configuration_that_check_finds_fine(gitgate, folder):
    gitgate("init", "site")

    checked = gitgate("check", "-c", "site/gitgate.yaml")

    assert checked.stdout.splitlines()[1:] == [
        "listen   ssh://0.0.0.0:5522",
        "listen   http://127.0.0.1:8080",
        "plugin   htpasswd",
        "plugin   authorized-keys",
        "plugin   rules",
        "plugin   tree",
        "site/gitgate.yaml is fine",
    ]
    assert (checked.returncode, checked.stderr) == (0, "")


def test_init_keeps_private_what_others_must_not_read(gitgate, folder):
    gitgate("init")

    modes = {
        path.name: path.stat().st_mode & 0o777 for path in folder.iterdir() if "key" in path.name or "pass" in path.name
    }
    assert modes == {
        "ssh_host_ed25519_key": 0o600,
        "ssh_host_ed25519_key.pub": 0o644,
        "ssh_host_rsa_key": 0o600,
        "ssh_host_rsa_key.pub": 0o644,
        "users.htpasswd": 0o600,
        "users.keys": 0o600,
    }


def test_init_beside_other_files_leaves_them_alone(gitgate, folder):
    (folder / "notes").write_text("mine")

    made = gitgate("init", ".")

    assert (made.returncode, (folder / "notes").read_text()) == (0, "mine")


def test_init_where_a_file_is_in_the_way_writes_nothing(gitgate, folder):
    (folder / "users.htpasswd").write_text("alice:x\n")

    made = gitgate("init", ".")

    assert (made.returncode, made.stdout) == (1, "")
    assert made.stderr == "gitgate: users.htpasswd exists already, so nothing was written; choose another folder\n"
    assert _names(folder) == ["users.htpasswd"]


def test_init_without_git_leaves_no_folder_behind(gitgate, folder):
    made = gitgate("init", "site", PATH="/nowhere")

    assert (made.returncode, made.stdout) == (69, "")
    assert made.stderr == "gitgate: git: no such program; install git, or set git.executable\n"
    assert _names(folder) == []


def test_init_where_git_fails_leaves_nothing_behind(gitgate, folder, tmp_path):
    broken = tmp_path / "git"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && echo git version 2.40.0 && exit\necho no room >&2; exit 1\n')
    broken.chmod(0o755)

    made = gitgate("init", "deep/site", PATH=f"{tmp_path}:/usr/bin:/bin")

    assert (made.returncode, made.stderr) == (69, "gitgate: git made no repository: no room\n")
    assert not (folder / "deep/site").exists()
