"""The trace of every call: its SIP messages and its media milestones in one ladder, bounded, kept after it ended."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.telemetry.milestones import MILESTONES_ZH

MAX_STEPS = 400
"""Steps kept per call; the first and the last ones say the most, so the middle is what is dropped."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a ladder; `at` is unix seconds. `details` never hold secrets: no bodies, no credentials."""

    at: float
    what: str
    details: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As the API shows it; a milestone's Chinese words are beside its English ones, a SIP message speaks itself."""
        zh = MILESTONES_ZH.get(self.what)
        return {"at": self.at, "what": self.what, **({} if zh is None else {"what_zh": zh}), **self.details}


@dataclass(slots=True)
class Trace:
    """One call: `stream` names the camera, `call_ids` the SIP dialogs that served it."""

    id: str
    stream: str = ""
    call_ids: list[str] = field(default_factory=list)
    first: list[Step] = field(default_factory=list)
    last: deque[Step] = field(default_factory=lambda: deque(maxlen=MAX_STEPS // 2))

    @property
    def steps(self) -> list[Step]:
        return [*self.first, *self.last]

    def to_json(self) -> dict[str, Any]:
        steps = [step.to_json() for step in self.steps]
        return {"id": self.id, "stream": self.stream, "call_ids": self.call_ids, "steps": steps}


class Ladder:
    """The traces of the last `capacity` calls."""

    def __init__(self, capacity: int = 1000, clock: Callable[[], float] = time.time) -> None:
        self._capacity = capacity
        self._clock = clock
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._by_call_id: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._traces)

    @property
    def has_calls(self) -> bool:
        """Whether any Call-ID belongs to a trace."""
        return bool(self._by_call_id)

    def step(self, trace_id: str, what: str, **details: Any) -> None:
        """Add one milestone to the trace of a call, beginning the trace if it is new.

        A detail in words has its Chinese ones beside it, with `_zh` after its name.
        """
        if self._capacity <= 0:
            return
        trace = self._traces.get(trace_id)
        if trace is None:
            trace = self._traces[trace_id] = Trace(trace_id)
            self._forget_oldest()
        step = Step(self._clock(), what, details)
        if len(trace.first) < MAX_STEPS // 2:
            trace.first.append(step)
        else:
            trace.last.append(step)

    def bind_call(self, trace_id: str, call_id: str, stream: object) -> None:
        """SIP messages with this Call-ID belong to this trace from now on."""
        self.step(trace_id, "dialog", call_id=call_id)
        trace = self._traces.get(trace_id)
        if trace is not None:
            trace.stream = str(stream)
            trace.call_ids.append(call_id)
            self._by_call_id[call_id] = trace_id

    def sip(self, direction: str, call_id: str, start_line: str, peer: str) -> None:
        """A SIP message on the wire; ignored unless its Call-ID belongs to a trace."""
        trace_id = self._by_call_id.get(call_id)
        if trace_id is not None:
            self.step(trace_id, f"{direction} {start_line}", peer=peer)

    def get(self, trace_id: str) -> Trace | None:
        return self._traces.get(trace_id)

    def recent(self, limit: int = 100) -> list[Trace]:
        """The newest traces first."""
        return list(reversed(self._traces.values()))[:limit]

    def _forget_oldest(self) -> None:
        while len(self._traces) > self._capacity:
            _, trace = self._traces.popitem(last=False)
            for call_id in trace.call_ids:
                self._by_call_id.pop(call_id, None)
