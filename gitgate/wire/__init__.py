"""Bytes in, values out: what clients write, parsed once at the edge. No sockets, no files, no Twisted."""
