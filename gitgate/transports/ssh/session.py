"""One session channel: one git command, `info`, or a greeting for somebody who looks for a shell."""

import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from gitgate.gateway import Gateway, new_request_id
from gitgate.git import EXIT_FATAL
from gitgate.git.process import GitExit
from gitgate.login import Login
from gitgate.overview import request_for_overview
from gitgate.plugin import GitRequest, Peer
from gitgate.refusals import Refusal, Unavailable
from gitgate.room import Room
from gitgate.transports.ssh.fields import Fields
from gitgate.transports.ssh.info import INFO_COMMANDS, info, info_for_greeting
from gitgate.transports.ssh.session_flow import SessionFlow
from gitgate.wire.malformed import Malformed
from gitgate.wire.protocol_version import parse_protocol_version
from gitgate.wire.ssh_command import parse_ssh_command

if TYPE_CHECKING:
    from gitgate.transports.ssh.connection import Connection

_log = logging.getLogger(__name__)


class Session(SessionFlow):
    """Does what the client asks for, once."""

    def __init__(
        self,
        connection: "Connection",
        window: int,
        largest_packet: int,
        *,
        gateway: Gateway,
        login: Login,
        username: str,
        peer: Peer,
        greeting: str,
        answers: Room,
    ) -> None:
        """`answers` is as for `SessionFlow`."""
        super().__init__(connection, window, largest_packet, answers)
        self._gateway = gateway
        self._login = login
        self._username = username
        self._peer = peer
        self._greeting = greeting
        self._protocol = 0
        self._newline = "\n"
        self._is_begun = False

    def granted(self, kind: bytes, fields: Fields) -> Callable[[], None] | None:
        """What to do once the client knows that its request is granted; None where it is not. Raises `Malformed`."""
        match kind:
            case b"env":
                name, value = fields.string(), fields.string()
                if name != b"GIT_PROTOCOL":
                    return None
                return lambda: self._set_protocol(value)
            case b"pty-req" if not self._is_begun:
                # `ssh host` asks for a terminal, and complains where it gets none. Its lines end as a terminal's do.
                return self._be_a_terminal
            case b"shell" if not self._is_begun:
                return self._greet
            case b"exec" if not self._is_begun:
                command = fields.string()
                return lambda: self._execute(command)
            case _:
                return None

    def _set_protocol(self, value: bytes) -> None:
        self._protocol = parse_protocol_version(value)

    def _be_a_terminal(self) -> None:
        self._newline = "\r\n"

    def _greet(self) -> None:
        self._is_begun = True
        self._say(self._greeting, is_error=False)
        request = request_for_overview(new_request_id(), self._peer, self._username)
        self._answer(info_for_greeting(self._gateway, self._login, request), request.request_id)

    def _execute(self, command: bytes) -> None:
        self._is_begun = True
        request_id = new_request_id()
        if command in INFO_COMMANDS:
            request = request_for_overview(request_id, self._peer, self._username)
            self._answer(info(self._gateway, self._login, request, as_json=INFO_COMMANDS[command]), request_id)
            return
        try:
            parsed = parse_ssh_command(command)
        except Malformed as error:
            self._refuse(self._gateway.malformed(str(error), self._peer, request_id, self._login))
            return
        request = GitRequest(
            request_id=request_id,
            peer=self._peer,
            service=parsed.service,
            path=parsed.path,
            protocol=self._protocol,
            host=None,
            access=parsed.service.access,
            username=self._username,
        )
        self.serving = serving = Deferred.fromCoroutine(self._gateway.serve(request, self._login, self))
        serving.addCallbacks(self._served, self._failed, errbackArgs=(request_id,))

    def _answer(self, text: Coroutine[Any, Any, str], request_id: str) -> None:
        self.serving = answering = Deferred.fromCoroutine(text)
        answering.addCallback(self._answered)
        answering.addErrback(self._failed, request_id)

    def _answered(self, text: str) -> None:
        self.answers.take(self, len(text.encode("utf-8", "backslashreplace")))
        self._say(text, is_error=False)
        self.end(0)

    def _served(self, git: GitExit) -> None:
        if git.silent:
            self._say("gitgate: closed, because no byte had moved for too long\n")
        self.end(git.code)

    def _failed(self, failure: Failure, request_id: str) -> None:
        if failure.check(CancelledError) is not None:
            return
        if isinstance(failure.value, Refusal):
            self._refuse(failure.value)
        else:
            _log.error("request %s failed", request_id, exc_info=failure.value)
            self._refuse(Unavailable("gitgate itself failed", request_id=request_id))

    def _refuse(self, refusal: Refusal) -> None:
        self._say(f"gitgate: {refusal.message}\n")
        self.end(EXIT_FATAL)

    def _say(self, text: str, *, is_error: bool = True) -> None:
        self._put(text.replace("\n", self._newline).encode("utf-8", "backslashreplace"), is_error=is_error)
