"""The bounded queue of a TCP receiver leaves out whole frames only."""

from __future__ import annotations

import struct

from media.worker.records import RecordQueue


def packet(timestamp: int, size: int = 100, marker: bool = False) -> bytes:
    return struct.pack("!BBHII", 0x80, 0x80 * marker | 96, 0, timestamp, 1) + bytes(size - 12)


def drain(queue: RecordQueue) -> bytes:
    data = b""
    while part := queue.next_bytes(150):
        queue.sent(min(33, len(part)))
        data += part[:33]
    return data


def test_a_record_is_a_length_and_the_packet() -> None:
    queue = RecordQueue()
    assert queue.push(packet(1, 20))
    assert queue.next_bytes() == b"\x00\x14" + packet(1, 20)
    assert (len(queue), queue.size) == (1, 22)


def test_bytes_leave_in_order_however_little_the_socket_takes() -> None:
    queue = RecordQueue()
    for timestamp in range(5):
        queue.push(packet(timestamp))
    assert drain(queue) == b"".join(b"\x00\x64" + packet(n) for n in range(5))
    assert (len(queue), queue.size) == (0, 0)
    assert queue.next_bytes() == b""


def test_a_frame_is_refused_at_its_start_when_the_queue_is_full() -> None:
    queue = RecordQueue(limit=250)
    assert all(queue.push(packet(1)) for _ in range(3))
    assert queue.push(packet(1)), "a frame begun may exceed the limit"
    assert not queue.push(packet(2))
    assert (queue.dropped, len(queue)) == (1, 4)
    assert not queue.ready
    drain(queue)
    assert queue.ready and queue.push(packet(3))


def test_the_marker_ends_a_frame_when_the_timestamp_stands_still() -> None:
    queue = RecordQueue(limit=250)
    for n in range(3):
        assert queue.push(packet(7, marker=n == 2))
    assert not queue.push(packet(7))


def test_a_frame_that_outgrows_the_queue_is_taken_back_whole() -> None:
    queue = RecordQueue(limit=250)
    assert queue.push(packet(1))
    assert [queue.push(packet(2)) for _ in range(4)] == [True, True, True, False]
    assert queue.dropped == 4
    assert queue.next_bytes() == b"\x00\x64" + packet(1)


def test_a_record_that_has_begun_to_leave_is_finished() -> None:
    queue = RecordQueue(limit=100)
    assert queue.push(packet(1, 150))
    queue.sent(10)
    assert not queue.push(packet(1, 150))
    assert queue.dropped == 1
    assert queue.next_bytes() == (b"\x00\x96" + packet(1, 150))[10:]


def test_a_lost_connection_counts_what_was_waiting() -> None:
    queue = RecordQueue()
    queue.push(packet(1))
    queue.push(packet(2))
    queue.sent(5)
    queue.clear()
    assert (queue.dropped, queue.size, len(queue)) == (2, 0, 0)
    assert queue.push(packet(3)) and queue.next_bytes() == b"\x00\x64" + packet(3)


def test_what_has_not_begun_to_leave_can_be_let_go() -> None:
    queue = RecordQueue()
    queue.push(packet(1))
    queue.push(packet(2))
    queue.forget()
    assert (queue.dropped, queue.size, len(queue)) == (2, 0, 0)
    queue.push(packet(3))
    queue.push(packet(4))
    queue.sent(10)
    queue.forget()
    assert queue.next_bytes() == (b"\x00\x64" + packet(3))[10:] and queue.size == 92
