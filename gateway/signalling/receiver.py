"""Where and how an upper platform wants its media: as its offer says, or its ACK when the INVITE had none. Pure.

GB/T 28181-2022 9.2.2 (the INVITE without a description is third-party call control) and Annex D, G.
"""

from __future__ import annotations

from collections.abc import Collection

from gateway.errors import Failure, Reason
from gateway.relay.addresses import usable_ip
from media.worker.control import Transport
from sip import ParseError
from sip.sdp import Sdp, offer

PS_PAYLOAD = 96
"""The payload number of PS where it is ours to choose (GB/T 28181-2022 Annex G)."""


def destination(described: Sdp, source_host: str, allowed: Collection[str] | None) -> tuple[str, int]:
    """Host and port that a description asks media to be sent to; a host that is no address means where it came from.

    Raises Failure (403) when the host is not among the `allowed` ones; None allows all.
    """
    host = usable_ip(described.host) or source_host
    if allowed is not None and host not in allowed:
        raise Failure(Reason.FORBIDDEN, f"media to {host}, which is no address of that platform")
    return host, described.port


def own_offer(code: str, host: str, port: int, ssrc: str, transport: Transport) -> Sdp:
    """What we offer to an INVITE without a description: to send PS."""
    return offer(origin_id=code, host=host, port=port, ssrc=ssrc, transport=transport, direction="sendonly")


def late_answer(body: bytes, transport: Transport) -> Sdp:
    """The answer to our offer, from the ACK. Raises Failure (488): none, unreadable, a refusal, or something else than
    was offered."""
    try:
        answer = Sdp.parse(body)
    except ParseError as error:
        raise Failure(Reason.NOT_ACCEPTABLE, f"the ACK's answer: {error}") from error
    if answer.is_tcp != (transport != "udp"):
        raise Failure(Reason.NOT_ACCEPTABLE, f"the ACK answers {answer.proto}")
    if PS_PAYLOAD not in answer.payloads:
        raise Failure(Reason.NOT_ACCEPTABLE, f"the ACK answers payloads {list(answer.payloads)}")
    return answer


def their_transport(offer: Sdp) -> Transport:
    """How we send: the complement of the offer's role (GB/T 28181-2022 Annex D; an author without one listens)."""
    if not offer.is_tcp:
        return "udp"
    return "tcp_passive" if offer.setup == "active" else "tcp_active"


def check_receiver(offer: Sdp) -> None:
    """Whether the offer says where to send. Raises Failure (488) when it does not."""
    if offer.port == 0 and their_transport(offer) != "tcp_passive":
        raise Failure(Reason.NOT_ACCEPTABLE, "the offer names no port to send to (m= with port 0)")


def ps_payload_type(offer: Sdp) -> int:
    """The payload number the offer gives to PS. Raises Failure (488) when it has none."""
    for number in offer.payloads:
        if (offer.encoding(number) or "").upper().startswith("PS/"):
            return number
    raise Failure(Reason.NOT_ACCEPTABLE, f"no PS among the offered payloads {list(offer.payloads)}")
