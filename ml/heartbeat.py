"""Keeping a lease while one thing is computed for a long time.

A thread renews the lease; where it cannot, because somebody else has taken the work over or has
cancelled it, the main thread is interrupted: nobody waits for a fit whose result may not be used.
A database that is away for a moment is asked again until the lease would have run out.
"""

import _thread
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import DatabaseError, connection

BEATS_A_LEASE = 6


class LeaseLost(Exception):
    """The work was taken over or ended by somebody else; its worker must stop."""


@contextmanager
def heartbeat(renew: Callable[[], None], lease: timedelta) -> Iterator[None]:
    """Call ``renew`` several times a ``lease`` while the block runs.

    Raises :class:`LeaseLost` in the block, by interrupting it, once ``renew`` has raised it or has
    failed for a whole lease. To be used in the main thread.
    """
    stop, lost = threading.Event(), threading.Event()
    seconds = lease.total_seconds()

    def beat() -> None:
        renewed = time.monotonic()
        try:
            while not stop.wait(seconds / BEATS_A_LEASE):
                try:
                    renew()
                    renewed = time.monotonic()
                except LeaseLost:
                    break
                except DatabaseError:
                    connection.close()
                    if time.monotonic() - renewed > seconds:
                        break
            if not stop.is_set():
                lost.set()
                if threading.current_thread() is not threading.main_thread():
                    _thread.interrupt_main()
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    except KeyboardInterrupt:
        if lost.is_set():
            raise LeaseLost("the lease was lost: taken over, cancelled, or no database") from None
        raise
    finally:
        stop.set()
        thread.join(5)
