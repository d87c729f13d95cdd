"""Local media ports: pairs, exhaustion, rest."""

from __future__ import annotations

import socket

import pytest

from media.worker.ports import REST_S, PortError, PortPool

HOST = "127.0.0.1"


def close(*sockets: socket.socket) -> None:
    for sock in sockets:
        sock.close()


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def test_rtp_gets_an_even_port_and_rtcp_the_next() -> None:
    pool = PortPool(47001, 47010)
    rtp, rtcp = pool.open_udp(HOST, 0.0)
    assert port_of(rtp) == 47002 and port_of(rtcp) == 47003
    assert not rtp.getblocking()
    assert rtp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 212_992
    close(rtp, rtcp)


def test_a_pair_half_taken_by_somebody_else_is_passed_over() -> None:
    pool = PortPool(47020, 47023)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, 47021))
        rtp, rtcp = pool.open_udp(HOST, 0.0)
        assert port_of(rtp) == 47022
        close(rtp, rtcp)


def test_an_exhausted_range_says_so() -> None:
    pool = PortPool(47030, 47031)
    sockets = pool.open_udp(HOST, 0.0)
    with pytest.raises(PortError, match="every port of 47030-47031 is in use") as caught:
        pool.open_udp(HOST, 0.0)
    assert caught.value.code == "no_port" and len(pool) == 1
    close(*sockets)


def test_a_released_port_rests_before_it_is_used_again() -> None:
    pool = PortPool(47040, 47041)
    close(*pool.open_udp(HOST, 0.0))
    pool.release(47040, 10.0)
    pool.release(47040, 10.0)
    with pytest.raises(PortError):
        pool.open_udp(HOST, 10.0 + REST_S - 1)
    sockets = pool.open_udp(HOST, 10.0 + REST_S)
    close(*sockets)


def test_a_wanted_port_is_taken_even_while_it_rests() -> None:
    pool = PortPool(47050, 47051)
    close(pool.open_tcp(HOST, 0.0))
    pool.release(47050, 0.0)
    sock = pool.open_tcp(HOST, 1.0, 47050, listen=False)
    with pytest.raises(PortError) as caught:
        pool.open_udp(HOST, 1.0)
    assert caught.value.code == "no_port"
    close(sock)
    pool.release(47050, 1.0)
    udp = pool.open_udp(HOST, 1.0, 47050)
    close(*udp)


def test_a_wanted_port_outside_the_range_is_not_handed_out_later() -> None:
    pool = PortPool(47060, 47061)
    close(*pool.open_udp(HOST, 0.0, 47070))
    pool.release(47070, 0.0)
    close(*pool.open_udp(HOST, 100.0))
    with pytest.raises(PortError):
        pool.open_udp(HOST, 100.0)


def test_a_wanted_port_in_use_is_refused() -> None:
    pool = PortPool(47080, 47089)
    with socket.socket() as other:
        other.bind((HOST, 47082))
        other.listen()
        with pytest.raises(PortError) as caught:
            pool.open_tcp(HOST, 0.0, 47082)
    assert caught.value.code == "port_in_use"


@pytest.mark.parametrize("wanted", [None, 70000, -1])
def test_an_address_that_is_not_ours_is_refused(wanted: int | None) -> None:
    with pytest.raises(PortError) as caught:
        PortPool(47090, 47099).open_tcp("192.0.2.1", 0.0, wanted)
    assert caught.value.code == "bad_address"


def test_ipv6_addresses_work() -> None:
    sock = PortPool(47100, 47109).open_tcp("::1", 0.0)
    assert sock.family == socket.AF_INET6
    close(sock)
