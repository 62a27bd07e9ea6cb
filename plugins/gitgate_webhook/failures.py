"""The ways in which there is no answer. None of them is one: gitgate tells the client to try again."""


class NoAnswer(OSError):
    """The service has not said what can be used. The message says why, for the log and the audit record.

    An OSError, so that the log has a line of it and no traceback.
    """


class NotAsked(NoAnswer):
    """It was not asked: too many questions are under way, or it has been down a moment ago."""


class BadReply(NoAnswer):
    """It has replied, with something that is no answer to this question. About another, it may well be right."""


class ServiceDown(NoAnswer):
    """No whole reply has come, or one that says that the service is down.

    `may_repeat`: it cannot have begun to answer. `closed_while_idle`: it closed a connection that had been kept open,
    before a byte of a reply, so it has most likely not seen the question.
    """

    def __init__(self, why: str, *, may_repeat: bool = False, closed_while_idle: bool = False) -> None:
        super().__init__(why)
        self.may_repeat = may_repeat
        self.closed_while_idle = closed_while_idle
