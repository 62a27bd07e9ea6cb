"""What the parsers of this package raise."""


class Malformed(ValueError):
    """A client wrote something that cannot be understood. The message names what, and is safe to show to anybody."""


class NotGit(Malformed):
    """Whoever wrote this does not speak git's protocol, so there is nobody to explain it to."""
