"""Three exchanges that are built and not connected: no task, no thread, no work."""

from __future__ import annotations

import json

from harness import Case, Result, run_process

__all__ = ["CASES"]

SECONDS = 3.0

IDLE = """
import asyncio, json, threading, time
from cex.factory import ComponentRegistry, FactoryManager

async def main():
    async with FactoryManager({{}}) as manager:
        names = (manager.names() * 3)[:{exchanges}]
        for name in names:
            manager.create_public_exchange(name)
        await asyncio.sleep(0.1)
        before = time.process_time()
        await asyncio.sleep({seconds})
        busy = time.process_time() - before
        print(json.dumps({{"exchanges": len(names), "tasks": len(asyncio.all_tasks()) - 1,
                          "threads": threading.active_count() - 1, "cpu_s": busy}}))

asyncio.run(main())
"""


def idle(_rounds: int) -> list[Result]:
    built = json.loads(run_process(IDLE.format(exchanges=3, seconds=SECONDS)).output)
    nothing = json.loads(run_process(IDLE.format(exchanges=0, seconds=SECONDS)).output)
    details = {**built, "cpu_s_without_exchanges": nothing["cpu_s"]}
    return [
        Result("idle-tasks", "tasks and threads of three built exchanges", built["tasks"] + built["threads"], "", 0),
        Result("idle-cpu", "share of a core", built["cpu_s"] / SECONDS * 100, "%", 0.1, details),
    ]


CASES = [Case("idle", idle)]
