"""What a client can do that tells against where it comes from."""

from enum import Enum


class Misdeed(Enum):
    """As sshd's PerSourcePenalties tells them apart. Each is told to `SshFactory.blame`."""

    LOGIN_REFUSED = "a login was refused"
    NO_LOGIN_IN_TIME = "no login in time"
    NOT_SSH = "no ssh"
