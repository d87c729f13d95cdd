"""The last contacts of a device, kept in a few bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.device_health.contacts import KEPT, MAX_KINDS, Contact, Contacts, Kinds
from sip import Peer

HERE, THERE = Peer("UDP", "192.0.2.1", 5060), Peer("TCP", "192.0.2.1", 40000, connection=7)


def test_a_device_that_was_never_heard_has_no_contacts() -> None:
    contacts = Contacts()
    assert contacts.last_at is None and contacts.newest_first(Kinds()) == []


def test_the_newest_contact_comes_first_and_the_eleventh_is_forgotten() -> None:
    kinds, contacts = Kinds(), Contacts()
    contacts.add(1.0, kinds.number("REGISTER"), HERE)
    for second in range(2, 12):
        contacts.add(float(second), kinds.number("MESSAGE Keepalive"), HERE)
    found = contacts.newest_first(kinds)
    assert len(found) == KEPT and found[0] == Contact(11.0, "MESSAGE Keepalive", HERE)
    assert found[-1].at == 2.0 and contacts.last_at == 11.0


@given(st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from("abc"), st.integers(1, 14)), max_size=60))
def test_whatever_came_from_wherever_the_last_ten_are_as_they_were(heard: list[tuple[int, str, int]]) -> None:
    kinds, contacts = Kinds(), Contacts()
    told = [Contact(float(at), kind, Peer("UDP", "192.0.2.1", port)) for at, kind, port in heard]
    for at, kind, source in told:
        contacts.add(at, kinds.number(kind), source)
    assert contacts.newest_first(kinds) == told[::-1][:KEPT]
    assert len(contacts._sources) <= KEPT


def test_a_device_that_invents_commands_does_not_fill_the_memory() -> None:
    kinds = Kinds()
    numbers = [kinds.number(f"MESSAGE X{n}") for n in range(1000)]
    assert max(numbers) < MAX_KINDS == len(kinds._texts) and kinds.text(numbers[-1]) == "other"
    assert Kinds().number("x" * 100) == Kinds().number("a\nb") == 0
    assert kinds.number("MESSAGE X3") == numbers[3]


def test_contacts_from_two_places_in_turn_are_told_apart() -> None:
    kinds, contacts = Kinds(), Contacts()
    for second in range(30):
        contacts.add(float(second), 0, THERE if second % 2 else HERE)
    assert [one.source for one in contacts.newest_first(kinds)][:2] == [THERE, HERE]
