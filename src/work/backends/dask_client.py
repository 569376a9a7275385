"""Connect to the scheduler of a Dask cluster."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import SegconvError

SCHEDULER = "DASK_SCHEDULER_ADDRESS"
"""Environment variable with the address of the scheduler, which Dask itself reads."""


@contextmanager
def connected(address: str | None = None) -> Iterator[Any]:
    """Connect to a scheduler for the duration of a block.

    Parameters
    ----------
    address
        Of the scheduler; if None, the one that `SCHEDULER` names, and without it the caller's client is used.

    Raises
    ------
    SegconvError
        ``SC041`` without Dask; ``SC042`` if no scheduler is named, or none answers in the time that
        Dask's own configuration allows (``distributed.comm.timeouts.connect``).
    """
    try:
        import distributed
    except ImportError as error:
        raise SegconvError("Dask is not installed", code="SC041", hint="pip install 'segconv[dask]'") from error
    address = address or os.environ.get(SCHEDULER)
    if not address:
        try:
            client = distributed.default_client()
        except ValueError as error:
            raise SegconvError(
                f"{SCHEDULER}, which names the Dask scheduler, is not set",
                code="SC042",
                hint=f"export {SCHEDULER}=tcp://HOST:8786, as dask scheduler prints it",
            ) from error
        yield client
        return
    with _silent(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # for differing versions, which may not matter
        _knock(address)
        client = distributed.Client(address, set_as_default=False)
        try:
            yield client
        finally:
            client.close()


def _knock(address: str) -> None:
    """Refuse an address where no scheduler answers: a client that never connected cannot be closed."""
    from distributed import Security
    from distributed.comm import connect
    from distributed.utils import LoopRunner

    async def knock() -> None:
        comm = await connect(address, **Security().get_connection_args("client"))
        await comm.close()

    try:
        LoopRunner().run_sync(knock)
    except Exception as error:
        what = str(error).partition("\n")[0] or type(error).__name__
        raise SegconvError(
            f"no Dask scheduler answers at {address!r} ({what})",
            code="SC042",
            hint=f"start one with dask scheduler, or give the address that it prints, for example in {SCHEDULER}",
        ) from error


@contextmanager
def _silent() -> Iterator[None]:
    """Keep Dask's log off the terminal: errors become findings."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    found = [logging.getLogger(name) for name in (*names, "asyncio")]
    before = [logger.level for logger in found]
    for logger in found:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(found, before, strict=True):
            logger.setLevel(level)
