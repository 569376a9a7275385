"""Connect to a Ray cluster."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from ...errors import SegconvError
from .environment import environment_of_workers

ADDRESS = "RAY_ADDRESS"
"""Environment variable with the address of the head, which Ray itself reads."""
LOCAL = "local"
"""Ray's address of a cluster that is started on this machine, which takes up to 20 seconds."""
RETRIES = 3
"""How often Ray does a batch again by itself if its worker was ended."""
OOM_RETRIES = "RAY_task_oom_retries"
"""Environment variable with `RETRIES` for workers that ran out of memory, for which Ray has no option."""
ANSWER_S = 5.0
"""How long the head of a cluster may take to accept a connection."""


@contextmanager
def connected(address: str | None = None) -> Iterator[Any]:
    """Connect to a cluster for the duration of a block, and yield the module ``ray``.

    Parameters
    ----------
    address
        Of the head; if None, the one that `ADDRESS` names. A program that is connected already stays so.

    Raises
    ------
    SegconvError
        ``SC041`` without Ray; ``SC042`` if no head is named, or none answers.
    """
    ray = module()
    if ray.is_initialized():
        yield ray
        return
    address = address or os.environ.get(ADDRESS)
    if not address:
        raise SegconvError(
            f"{ADDRESS}, which names the head of the Ray cluster, is not set",
            code="SC042",
            hint=f"export {ADDRESS}=HOST:6379, as ray start prints it; {ADDRESS}={LOCAL} starts workers here",
        )
    if address != LOCAL and not _listens(address):
        raise _no_head(address, "nothing listens there")
    # Ray prints what happens to workers to stdout, where a command's data go.
    with environment_of_workers(), redirect_stdout(sys.stderr):
        _begin(ray, address)
        try:
            yield ray
        finally:
            ray.shutdown()


def module() -> Any:
    """Return the module ``ray``.

    Raises
    ------
    SegconvError
        ``SC041`` without Ray.
    """
    try:
        import ray
    except ImportError as error:
        raise SegconvError("Ray is not installed", code="SC041", hint="pip install 'segconv[ray]'") from error
    return ray


def answers(ray: Any) -> bool:
    """Return whether the head of the connected cluster still accepts connections."""
    return _listens(ray.get_runtime_context().gcs_address)


def first_line(error: Exception) -> str:
    """Return the first line of an error of Ray, which may go on for pages."""
    return str(error).strip().partition("\n")[0]


def _begin(ray: Any, address: str) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    try:
        with _oom_retries():
            ray.init(address=address, **quiet, **({"include_dashboard": False} if address == LOCAL else {}))
    except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError) as error:
        raise _no_head(address, first_line(error) or type(error).__name__) from error


@contextmanager
def _oom_retries() -> Iterator[None]:
    """Let Ray, which reads it as it starts, give up work that runs out of memory: it would do it again for ever."""
    if OOM_RETRIES in os.environ:
        yield
        return
    os.environ[OOM_RETRIES] = str(RETRIES)
    try:
        yield
    finally:
        os.environ.pop(OOM_RETRIES, None)


def _no_head(address: str, why: str) -> SegconvError:
    return SegconvError(
        f"no Ray cluster answers at {address!r} ({why})",
        code="SC042",
        hint=f"start one with ray start, or give the address that it prints, for example in {ADDRESS}",
    )


def _listens(address: str) -> bool:
    """Return whether something accepts connections at ``host:port`` or ``ray://host:port``."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return False
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER_S):
            return True
    except OSError:
        return False
