"""What an upper platform asked for, once it may have it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.compliance.grant import Grant
from gateway.relay.hub import StreamKey
from gateway.signalling.preferred_path import PreferredPath
from gateway.signalling.receiver import PS_PAYLOAD, check_receiver, destination, ps_payload_type, their_transport
from media.worker.control import Transport
from sip.aio import Incoming
from sip.sdp import Sdp, ssrc_value


@dataclass(frozen=True, slots=True)
class UpperRequest:
    """An upper platform's INVITE after trust, sharing rule and grant have passed.

    `offer` None: the INVITE had no description; ours goes into the 200, over `late_transport`, theirs comes with the
    ACK. `keep_ssrc`: use the upper's `y=` instead of our own (a switch per upper platform). `media_hosts`: where its
    media may be sent; None: anywhere. `path`: the platforms below us it shall pass.
    """

    upper_id: str
    local_id: str
    grant: Grant
    published_code: str
    offer: Sdp | None
    incoming: Incoming
    keep_ssrc: bool = False
    late_transport: Transport = "udp"
    media_hosts: frozenset[str] | None = None
    path: PreferredPath = PreferredPath()

    @property
    def key(self) -> StreamKey:
        """The stream that was granted."""
        return StreamKey.granted(self.grant)

    @property
    def transport(self) -> Transport:
        """How we send."""
        return their_transport(self.offer) if self.offer is not None else self.late_transport

    @property
    def subject(self) -> str:
        return self.incoming.request.headers.get("Subject") or ""

    @property
    def sender_part(self) -> str:
        """The stream as the upper platform tells it from its others: media sender and its sequence, "" without one
        (GB/T 28181-2022 Annex L). The sequence 0 is what those write who count nothing."""
        part = self.subject.split(",")[0].strip()
        return "" if ":" not in part or part.endswith(":0") else part

    @property
    def payload_type(self) -> int:
        """The payload number of PS. Raises Failure (488) when the offer has none."""
        return PS_PAYLOAD if self.offer is None else ps_payload_type(self.offer)

    @property
    def wanted_ssrc(self) -> str | None:
        """The upper's own SSRC where that is to be used."""
        offered = self.offer.ssrc if self.offer is not None else None
        return offered if self.keep_ssrc and offered and ssrc_value(offered) else None

    def destination(self, described: Sdp) -> tuple[str, int]:
        """Where a description of the upper platform wants its media. Raises Failure where that may not be."""
        check_receiver(described)
        return destination(described, self.incoming.source.host, self.media_hosts)
