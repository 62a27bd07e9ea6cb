"""The one error of everything here that reads a line."""


class BadLine(Exception):
    """Why a line is not used, in words for the one who wrote it. Whoever knows its file and number adds them."""
