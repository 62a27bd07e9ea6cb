"""The side-band: what git says to a client and to people in one stream of pkt-lines, each of which begins with the
number of its band (gitprotocol-capabilities(5), "side-band, side-band-64k").
"""

from typing import Final

PACK_DATA: Final = b"\1"
PROGRESS: Final = b"\2"
FATAL: Final = b"\3"

#: What one packet carries, the band's own byte not counted: with "side-band", and with "side-band-64k".
LONGEST_PART: Final = 999
LONGEST_PART_64K: Final = 65515

#: So much text fits into one packet, also into one of the old kind.
LONGEST_TEXT: Final = 900
