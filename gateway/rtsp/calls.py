"""Makes the calls to RTSP cameras: new ones, and those that outlived the control process."""

from __future__ import annotations

from gateway.errors import Failure, Reason
from gateway.relay.pool import Worker, WorkerPool, WorkerUnavailable
from gateway.rtsp.call import EndedCallback, LostCallback, RtspCall, RtspTimes, Seen
from gateway.rtsp.target import RtspTarget
from gateway.signalling.call_environment import CallEnvironment
from gateway.signalling.calls import CallRecord


class RtspCalls:
    """`seen` is told what calls show of their cameras."""

    def __init__(self, environment: CallEnvironment, pool: WorkerPool, times: RtspTimes, seen: Seen) -> None:
        self._environment = environment
        self._pool = pool
        self._times = times
        self._seen = seen

    def make(self, target: RtspTarget, relay: Worker, *, on_lost: LostCallback, on_ended: EndedCallback) -> RtspCall:
        """A call that has not begun. Raises Failure when no source worker is there."""
        try:
            source = self._pool.of_kind("source")
        except WorkerUnavailable as error:
            raise Failure(Reason.WORKER_LOST, str(error), channel=target.key.code) from error
        return RtspCall(
            target,
            relay,
            source,
            self._environment,
            self._times,
            on_lost=on_lost,
            on_ended=on_ended,
            seen=self._seen,
        )

    def restored(
        self, record: CallRecord, relay: Worker, *, on_lost: LostCallback, on_ended: EndedCallback
    ) -> RtspCall:
        """The call of a record whose legs its workers still hold."""
        source = self._pool.named(str(record.details["source_worker"]))
        assert source is not None
        return RtspCall.restored(
            record,
            relay,
            source,
            environment=self._environment,
            times=self._times,
            on_lost=on_lost,
            on_ended=on_ended,
            seen=self._seen,
        )
