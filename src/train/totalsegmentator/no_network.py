"""Refuse every connection of a process, and remember what it was to.

TotalSegmentator downloads weights that it does not find, and reports its use. Here weights are proved to exist before
it starts, and reports are off; should it try nevertheless, it fails at once instead of loading gigabytes.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

_TO_ADDRESS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_TO_NAME = ("socket.getaddrinfo", "socket.gethostbyname")


class NetworkRefused(ConnectionError):
    """A connection that was not allowed."""


def refuse_network() -> list[str]:
    """Let every attempt to reach another machine raise `NetworkRefused`, for the rest of this process.

    Returns
    -------
    refused
        Grows by the host of each attempt; sockets between processes of this machine are none.
    """
    refused: list[str] = []

    def refuse(event: str, details: tuple[Any, ...]) -> None:
        host = _host(event, details)
        if host:
            refused.append(host)
            raise NetworkRefused(f"TotalSegmentator may connect to nothing, and not to {host}")

    sys.addaudithook(refuse)
    return refused


def _host(event: str, details: tuple[Any, ...]) -> str:
    """Return the host that an event is about; empty if it is no attempt to reach one."""
    if event in _TO_NAME:
        return str(details[0] or "localhost")
    if event in _TO_ADDRESS and details[0].family in (socket.AF_INET, socket.AF_INET6):
        return str(details[1][0]) if details[1] else "an address"
    return ""
