"""The login: who the client is, as the gateway says, by public key or password (RFC 4252)."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from twisted.conch.ssh.common import NS
from twisted.conch.ssh.service import SSHService
from twisted.conch.ssh.transport import (
    DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE,
    DISCONNECT_PROTOCOL_ERROR,
    DISCONNECT_SERVICE_NOT_AVAILABLE,
    SSHTransportBase,
)
from twisted.conch.ssh.userauth import (
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_PK_OK,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
)
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gitgate.gateway import Gateway, new_request_id
from gitgate.login import ANONYMOUS_LOGIN, Login
from gitgate.plugin import Credentials, Password, Peer, PublicKey
from gitgate.refusals import CredentialsRefused, Refusal, Unavailable
from gitgate.transports.ssh.auth_request import (
    AuthRequest,
    KeyProof,
    NoProof,
    PasswordProof,
    read_auth_request,
)
from gitgate.transports.ssh.public_key import fingerprint_of, read_public_key
from gitgate.wire.malformed import Malformed
from gitgate.wire.printable import printable
from gitgate.wire.username import parse_username

_log = logging.getLogger(__name__)

#: Requests that prove nothing: "none", and keys that are only asked about. An agent may hold twenty keys.
_MOST_QUESTIONS: Final = 24

_METHODS: Final[Mapping[type, bytes]] = {PublicKey: b"publickey", Password: b"password"}


class UserAuth(SSHService):
    """Answers one login request at a time, each for itself: nothing that one request said counts for another.

    What the gateway's answer belongs to is the very request that it was asked for. An identity is never kept
    between requests, so a key that was only offered can leave none behind (GHSA-pchf-49fh-w34r, CVE-2024-45337).
    """

    name = b"ssh-userauth"
    transport: SSHTransportBase

    def __init__(
        self,
        gateway: Gateway,
        peer: Peer,
        logged_in: Callable[[Login, str], None],
        *,
        most_failures: int,
        login_refused: Callable[[], None],
    ) -> None:
        """`logged_in` is called once, with the login and the user name as the client wrote it.

        `login_refused` is called for each password and each signature that was refused, `most_failures` times at most.
        """
        self._gateway = gateway
        self._peer = peer
        self._logged_in = logged_in
        self._most_failures = most_failures
        self._login_refused = login_refused
        self._methods = [method for kind, method in _METHODS.items() if kind in gateway.accepted]
        self._refused_keys = gateway.refused_keys(peer)
        self._asking: Deferred[Login] | None = None
        self._failures = 0
        self._questions = 0
        self._has_apologised = False
        self._is_stopped = False

    def serviceStopped(self) -> None:
        self._is_stopped = True
        if self._asking is not None:
            self._asking.cancel()
        self._refused_keys.record()

    def packetReceived(self, messageNum: int, packet: bytes) -> None:  # noqa: N803
        """A message. Raises `Malformed` for a login request that is none.

        conch would log others whole, and they may hold a password.
        """
        if messageNum == MSG_USERAUTH_REQUEST:
            self._requested(read_auth_request(packet))
        else:
            self.transport.sendUnimplemented()

    def _requested(self, request: AuthRequest) -> None:
        if self._asking is not None:
            # Without this, a thousand passwords sent at once are tried before the first failure is counted.
            self.transport.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"another login request is still being answered")
        elif request.service != b"ssh-connection":
            self.transport.sendDisconnect(DISCONNECT_SERVICE_NOT_AVAILABLE, b"there is only ssh-connection")
        else:
            self._answer(request)

    def _answer(self, request: AuthRequest) -> None:
        try:
            username = parse_username(request.username)
            credentials = self._credentials(request, username)
        except Malformed as error:
            if isinstance(request.proof, KeyProof) and request.is_question:
                # Agents ask about keys of all kinds, which alone is no attempt to log in, and no operation to record.
                self._key_refused(request, request.proof, CredentialsRefused(str(error)), new_request_id())
            elif not request.is_question:
                self._gateway.malformed(f"login: {error}", self._peer, new_request_id())
            self._failed(request)
            return
        if credentials is not None:
            self._ask(credentials, request)
        elif not self._gateway.accepted and request.method == b"none":
            self._succeeded(ANONYMOUS_LOGIN, username)
        else:
            self._failed(request)

    def _credentials(self, request: AuthRequest, username: str) -> Credentials | None:
        """What the gateway can judge, or None where nothing was presented. Raises `Malformed`.

        What was presented by a method that is not offered is judged as well, and so refused and recorded: bots guess
        passwords also where nobody has one.
        """
        if request.is_question and request.method not in self._methods:
            return None
        match request.proof:
            case NoProof():
                return None
            case PasswordProof(is_change=True):
                raise Malformed("passwords are not changed here")
            case PasswordProof(password=password):
                try:
                    return Password(username=username, password=password.decode("utf-8"))
                except UnicodeDecodeError:
                    raise Malformed("the password is not UTF-8") from None
            case KeyProof() as proof:
                return self._public_key(proof, username)

    def _public_key(self, proof: KeyProof, username: str) -> PublicKey:
        """The key, verified where the client has signed. Raises `Malformed` for a signature that is not its own."""
        offered = read_public_key(proof.algorithm, proof.blob)
        if proof.signature is not None:
            session_id = self.transport.sessionID
            assert session_id is not None, "a service starts after the first key exchange"
            signed = NS(session_id) + bytes([MSG_USERAUTH_REQUEST]) + proof.signed
            if not offered.has_signed(signed, proof.signature):
                raise Malformed(f"a wrong signature by {offered.fingerprint}")
        return PublicKey(
            username=username,
            algorithm=offered.type,
            blob=offered.blob,
            fingerprint=offered.fingerprint,
            verified=proof.signature is not None,
        )

    def _ask(self, credentials: Credentials, request: AuthRequest) -> None:
        request_id = new_request_id()
        self._asking = Deferred.fromCoroutine(self._gateway.authenticate(credentials, self._peer, request_id))
        self._asking.addCallbacks(
            self._granted, self._refused, callbackArgs=(credentials, request), errbackArgs=(request, request_id)
        )

    def _granted(self, login: Login, credentials: Credentials, request: AuthRequest) -> None:
        self._asking = None
        if self._is_stopped:
            return
        match request.proof, credentials:
            case KeyProof(algorithm, blob), PublicKey(verified=False):
                if self._has_questions_left():
                    self.transport.sendPacket(MSG_USERAUTH_PK_OK, NS(algorithm) + NS(blob))
            case _, Password(username=username) | PublicKey(username=username):
                self._succeeded(login, username)

    def _refused(self, failure: Failure, request: AuthRequest, request_id: str) -> None:
        self._asking = None
        if self._is_stopped:
            return
        if not isinstance(failure.value, Refusal):
            _log.error("login %s failed", request_id, exc_info=failure.value)
        elif isinstance(request.proof, KeyProof) and request.is_question:
            self._key_refused(request, request.proof, failure.value, request_id)
        is_outage = not isinstance(failure.value, CredentialsRefused)
        if is_outage:
            self._apologise(request_id)
        self._failed(request, is_outage=is_outage)

    def _key_refused(self, request: AuthRequest, proof: KeyProof, refusal: Refusal, request_id: str) -> None:
        """Remember it for the end of a connection without a login, which may then have no other trace."""
        try:
            username: str | None = parse_username(request.username)
        except Malformed:
            username = None
        self._refused_keys.add(username, fingerprint_of(proof.blob), refusal, request_id)

    def _succeeded(self, login: Login, username: str) -> None:
        self._refused_keys.forget()
        self.transport.sendPacket(MSG_USERAUTH_SUCCESS, b"")
        _log.info(
            "ssh %s: %s logged in as %s by %s%s",
            self._peer.address,
            printable(username),
            printable(login.identity.name),
            login.method,
            f" {login.fingerprint}" if login.fingerprint else "",
        )
        self._logged_in(login, username)

    def _failed(self, request: AuthRequest, *, is_outage: bool = False) -> None:
        if request.is_question:
            if not self._has_questions_left():
                return
        else:
            self._failures += 1
            if not is_outage:
                self._login_refused()
            if self._failures >= self._most_failures:
                self._send_away()
                return
        self.transport.sendPacket(MSG_USERAUTH_FAILURE, NS(b",".join(self._methods)) + b"\0")

    def _has_questions_left(self) -> bool:
        """Count one more request that proves nothing. False where it was one too many, and the client is sent away."""
        self._questions += 1
        if self._questions > _MOST_QUESTIONS:
            self._send_away()
            return False
        return True

    def _send_away(self) -> None:
        self.transport.sendDisconnect(DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE, b"too many login attempts")

    def _apologise(self, request_id: str) -> None:
        """Tell the user, once, that the failure is ours: "permission denied" alone would blame the password."""
        if not self._has_apologised:
            self._has_apologised = True
            refusal = Unavailable("", request_id=request_id)
            self.transport.sendPacket(MSG_USERAUTH_BANNER, NS(f"gitgate: {refusal.message}\r\n") + NS(b""))
