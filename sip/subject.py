"""The Subject header (主题头域): which stream an INVITE means. GB/T 28181-2016 Annex K, 2022 Annex L."""

from __future__ import annotations

from dataclasses import dataclass

_MAX_LENGTH = 512


@dataclass(frozen=True, slots=True)
class Subject:
    """`<sender id>:<sender sequence>,<receiver id>:<receiver sequence>`.

    sender_id: the media sender, that is, the camera or channel. sender_seq: at most 20 characters, the first 0 for
    live and 1 for history; equal for every request of one live stream. receiver_id: platform, client or media server.
    receiver_seq: unique at the receiver at any moment. Parts a peer left out are empty.
    """

    sender_id: str
    sender_seq: str = "0"
    receiver_id: str = ""
    receiver_seq: str = "0"

    @classmethod
    def parse(cls, text: str | None) -> Subject | None:
        """Reads a Subject leniently: blanks, missing sequences, a missing half. None when it names no sender."""
        if text is None or len(text) > _MAX_LENGTH:
            return None
        sender, _, receiver = text.partition(",")
        sender_id, _, sender_seq = sender.partition(":")
        receiver_id, _, receiver_seq = receiver.partition(":")
        if not sender_id.strip():
            return None
        return cls(sender_id.strip(), sender_seq.strip(), receiver_id.strip(), receiver_seq.strip())

    @property
    def is_history(self) -> bool:
        """Whether the sender sequence is that of a history stream (first character 1)."""
        return self.sender_seq.startswith("1")

    def __str__(self) -> str:
        return f"{self.sender_id}:{self.sender_seq},{self.receiver_id}:{self.receiver_seq}"
