"""``python -m tests.kit``: the score, topic by topic. Words select cases by their ids."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from pathlib import Path

from .cases import CASES
from .scorer import LIMIT_S, score
from .sources import KINDS


def main(wanted: list[str]) -> int:
    """Run the cases whose ids hold one of the words; return 1 if one fails."""

    def hung(number: int, frame: object) -> None:
        raise TimeoutError(f"hangs: no answer after {3 * LIMIT_S:.0f} s")

    signal.signal(signal.SIGALRM, hung)
    results: dict[tuple[str, str], list[bool]] = {}
    begin = time.monotonic()
    for case in CASES:
        if wanted and not any(word in case.id for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as folder:
            signal.alarm(int(3 * LIMIT_S))
            try:
                reasons = score(case, Path(folder))
            except TimeoutError as error:
                reasons = [str(error)]
            signal.alarm(0)
        results.setdefault((case.topic, case.kind), []).append(not reasons)
        for reason in reasons:
            print(f"{case.id}: {reason}", flush=True)
    print(f"\n{'topic':24} " + " ".join(f"{kind:>7}" for kind in KINDS))
    for topic in dict.fromkeys(topic for topic, _ in results):
        cells = (results.get((topic, kind)) for kind in KINDS)
        print(f"{topic:24} " + " ".join(f"{f'{sum(cell)}/{len(cell)}' if cell else '':>7}" for cell in cells))
    outcomes = [right for cell in results.values() for right in cell]
    print(f"\n{sum(outcomes)} of {len(outcomes)} cases right, in {time.monotonic() - begin:.0f} s")
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
