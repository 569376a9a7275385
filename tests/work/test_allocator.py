"""What a file's bytes took is used again for the next file."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from segconv.work.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
before = None
for _ in range(10):
    blocks = [b"x" * (20 << 20) for _ in range(4)]
    del blocks
    found = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    before = found if before is None else before
print(found - before)
"""


def faults(how: str) -> int:
    """Return how many new pages a process needs to allocate 80 MiB nine times again."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif("CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", {}), reason="only glibc has mallopt")
def test_freed_memory_is_kept_for_the_next_file() -> None:
    pages = (80 << 20) // os.sysconf("SC_PAGE_SIZE")
    assert faults("keep") < pages // 10 < faults("leave")
