"""A source worker that answers probes as it is told to."""

from __future__ import annotations

import asyncio

from media.worker.control import Probed, ProbeSource


class ProbingWorkers:
    """Workers of which one is there. `asked` is what it was asked; it answers once it `may_answer`."""

    def __init__(self, answer: Probed | Exception) -> None:
        self.answer = answer
        self.asked: list[ProbeSource] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def of_kind(self, kind: str) -> ProbingWorkers:
        assert kind == "source"
        return self

    @property
    def link(self) -> ProbingWorkers:
        return self

    async def call(self, command: ProbeSource, *, timeout_s: float) -> Probed:
        self.asked.append(command)
        assert timeout_s > command.timeout_s
        await self.may_answer.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer
