"""What people run today, each configured as its documentation has it for speed, in a folder of its own."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.accounts import Accounts, make_key
from benchmarks.doors import GitDoor, HttpDoor, SshDoor
from benchmarks.processes import ServerProcess, Unavailable, free_port, wait_for_port


class GitDaemon:
    """`git daemon`."""

    name = "git daemon"

    def __init__(self, root: Path, folder: Path) -> None:
        port = free_port()
        command = [
            *("git", "daemon", f"--base-path={root}", "--export-all", "--enable=receive-pack"),
            *("--listen=127.0.0.1", f"--port={port}", "--reuseaddr", "--max-connections=0", str(root)),
        ]
        self._process = ServerProcess("git-daemon", command, folder, environment(folder))
        wait_for_port(port, self._process)
        self.git = GitDoor(port)

    def cpu_seconds(self) -> float | None:
        return self._process.cpu_seconds()

    def close(self) -> None:
        self._process.close()


_NGINX = """
{user}
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    client_max_body_size 0;
    fastcgi_request_buffering off;
    fastcgi_buffering off;
    fastcgi_read_timeout 300s;
    fastcgi_param SCRIPT_FILENAME {backend};
    fastcgi_param GIT_PROJECT_ROOT {root};
    fastcgi_param GIT_HTTP_EXPORT_ALL "";
    fastcgi_param GIT_PROTOCOL $http_git_protocol;
    fastcgi_param PATH_INFO $uri;
    fastcgi_param QUERY_STRING $query_string;
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param CONTENT_TYPE $content_type;
    fastcgi_param CONTENT_LENGTH $content_length;
    fastcgi_param REMOTE_ADDR $remote_addr;
    fastcgi_param REMOTE_USER $remote_user;
    server {{
        listen 127.0.0.1:{port};
        location / {{ fastcgi_pass unix:{socket}; }}
    }}
    server {{
        listen 127.0.0.1:{password_port};
        auth_basic git;
        auth_basic_user_file {htpasswd};
        location / {{ fastcgi_pass unix:{socket}; }}
    }}
}}
"""


class Nginx:
    """nginx with two workers, fcgiwrap with four, and `git http-backend`."""

    name = "nginx + http-backend"

    def __init__(self, root: Path, folder: Path, accounts: Accounts) -> None:
        nginx = program("nginx", "nginx-light")
        fcgiwrap = program("fcgiwrap", "fcgiwrap")
        backend = _git_exec_path() / "git-http-backend"
        if not backend.exists():
            raise Unavailable(f"{backend} is not there; on Debian: apt-get install git")
        socket = folder / "fcgiwrap.sock"
        port, password_port = free_port(), free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _NGINX.format(
                user="user root;" if os.getuid() == 0 else "",
                folder=folder,
                backend=backend,
                root=root,
                port=port,
                password_port=password_port,
                htpasswd=accounts.htpasswd,
                socket=socket,
            )
        )
        wrapping: list[str | Path] = [fcgiwrap, "-c", "4", "-s", f"unix:{socket}"]
        self._wrap = ServerProcess("fcgiwrap", wrapping, folder, environment(folder), forgets_children=True)
        try:
            serving: list[str | Path] = [nginx, "-p", folder, "-c", configuration]
            self._nginx = ServerProcess("nginx", serving, folder, environment(folder))
        except BaseException:
            self._wrap.close()
            raise
        try:
            wait_for_port(port, self._nginx)
        except BaseException:
            self.close()
            raise
        self.http = HttpDoor(port)
        self.http_with_password = HttpDoor(password_port, accounts.user, accounts.password)

    def cpu_seconds(self) -> float | None:
        parts = (self._wrap.cpu_seconds(), self._nginx.cpu_seconds())
        return None if parts[0] is None or parts[1] is None else parts[0] + parts[1]

    def close(self) -> None:
        self._nginx.close()
        self._wrap.close()


_SSHD = """
ListenAddress 127.0.0.1:{port}
HostKey {host_key}
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
AcceptEnv GIT_PROTOCOL
PrintMotd no
LogLevel ERROR
MaxStartups 100
ForceCommand exec {git_shell} -c "$SSH_ORIGINAL_COMMAND"
"""


class OpenSsh:
    """OpenSSH's server, which runs git-shell for whoever measures."""

    name = "OpenSSH + git-shell"

    def __init__(self, root: Path, folder: Path, accounts: Accounts) -> None:
        sshd = program("sshd", "openssh-server")
        git_shell = program("git-shell", "git")
        if os.getuid() == 0:
            # Where sshd locks in who has not logged in. Debian makes it when the service starts.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        port = free_port()
        host_key = folder / "openssh_host_key"
        make_key(host_key)
        shutil.copy(accounts.key.with_suffix(".pub"), folder / "authorized_keys")
        configuration = folder / "sshd_config"
        configuration.write_text(_SSHD.format(port=port, host_key=host_key, folder=folder, git_shell=git_shell))
        self._process = ServerProcess("sshd", [sshd, "-D", "-e", "-f", configuration], folder, environment(folder))
        try:
            wait_for_port(port, self._process)
        except BaseException:
            self.close()
            raise
        self.ssh = SshDoor(port, getpass.getuser(), accounts.key, str(root), folder / "openssh.control")

    def cpu_seconds(self) -> float | None:
        return self._process.cpu_seconds()

    def close(self) -> None:
        self._process.close()


class SoftServe:
    """soft-serve, as installed, or built from its Go module.

    It keeps repositories in a folder of its own, so only reading is measured.
    """

    name = "soft-serve"
    module = "github.com/charmbracelet/soft-serve/cmd/soft@latest"

    def __init__(self, root: Path, folder: Path, accounts: Accounts, build: Path) -> None:
        soft = self._program(build)
        ssh_port, http_port, git_port, stats_port = (free_port() for _ in range(4))
        data = folder / "soft-serve"
        settings = {
            "SOFT_SERVE_DATA_PATH": str(data),
            "SOFT_SERVE_SSH_LISTEN_ADDR": f"127.0.0.1:{ssh_port}",
            "SOFT_SERVE_HTTP_LISTEN_ADDR": f"127.0.0.1:{http_port}",
            "SOFT_SERVE_GIT_LISTEN_ADDR": f"127.0.0.1:{git_port}",
            "SOFT_SERVE_STATS_LISTEN_ADDR": f"127.0.0.1:{stats_port}",
            "SOFT_SERVE_INITIAL_ADMIN_KEYS": accounts.key.with_suffix(".pub").read_text(),
        }
        self._process = ServerProcess("soft-serve", [soft, "serve"], folder, {**environment(folder), **settings})
        try:
            for port in (ssh_port, http_port, git_port):
                wait_for_port(port, self._process)
            self.ssh = SshDoor(ssh_port, "admin", accounts.key, "", folder / "soft-serve.control")
            for name in ("history", "refs"):
                self._take(root / f"{name}.git", data / "repos" / f"{name}.git")
        except BaseException:
            self.close()
            raise
        self.http = HttpDoor(http_port)
        self.git = GitDoor(git_port, hangs_up=False)

    def cpu_seconds(self) -> float | None:
        return self._process.cpu_seconds()

    def close(self) -> None:
        self._process.close()

    def _take(self, repository: Path, place: Path) -> None:
        """Make it known to soft-serve, and then the same as everybody's."""
        command = ["ssh", *self.ssh.options, "admin@127.0.0.1", "repo", "create", place.stem]
        made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if made.returncode != 0:
            raise Unavailable(f"soft-serve made no repository: {made.stderr.strip()}")
        for part in ("objects", "packed-refs", "refs", "HEAD"):
            source, target = repository / part, place / part
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copy(source, target)

    def _program(self, build: Path) -> Path:
        installed = shutil.which("soft")
        if installed is not None:
            return Path(installed)
        built = build / "go" / "bin" / "soft"
        if built.exists():
            return built
        go = program("go", "golang-go")
        print(f"go install {self.module} ...", flush=True)
        ran = subprocess.run(
            [go, "install", self.module],
            env={**os.environ, "GOPATH": str(build / "go"), "GOBIN": str(built.parent), "GOFLAGS": "-modcacherw"},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode != 0:
            raise Unavailable(f"go install {self.module}: {ran.stderr.strip().splitlines()[-1].strip()}")
        return built


def environment(folder: Path) -> Mapping[str, str]:
    """What every server gets: nothing of whoever measures."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def program(name: str, package: str) -> Path:
    """The path of a program. Raises `Unavailable` with the command that installs it."""
    # What is for administrators is not on everybody's PATH.
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin:/usr/local/sbin")
    if found is None:
        raise Unavailable(f"{name} is not installed; on Debian: apt-get install {package}")
    return Path(found)


def _git_exec_path() -> Path:
    return Path(subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip())
