"""What can go wrong with a test cluster, told apart so that pytest knows when to skip and when to fail."""

from __future__ import annotations


class ClusterError(Exception):
    """Something that should have worked did not; the text says what and where to look."""


class Unavailable(ClusterError):
    """This machine cannot run the tier that was asked for; tests skip with this text."""


class CommandFailed(ClusterError):
    """A program ended with an error; carries what it said."""

    def __init__(self, command: str, code: int, stderr: str) -> None:
        self.code = code
        self.stderr = stderr
        super().__init__(f"{command} ended with {code}: {stderr.strip()}")
