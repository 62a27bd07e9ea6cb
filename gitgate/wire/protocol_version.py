"""git's protocol version, out of the extra parameters that a client sends."""

import re

_ACCEPTED = re.compile(rb"[\x21-\x7e]{1,256}")
_VERSIONS = {b"version=0": 0, b"version=1": 1, b"version=2": 2}


def parse_protocol_version(parameters: bytes | None) -> int:
    """The highest version that git knows among `parameters`, which are separated by ":"; 0 where there is none.

    gitprotocol-v2(5), "Initial Client Request": `GIT_PROTOCOL` over ssh, the `Git-Protocol` header over http, the
    parameters behind two NULs over git://. Unknown parameters are ignored, as git does. Only the number
    goes on from here, so nothing that a client wrote reaches git's environment.
    """
    if parameters is None or not _ACCEPTED.fullmatch(parameters):
        return 0
    return max((_VERSIONS.get(parameter, 0) for parameter in parameters.split(b":")), default=0)
