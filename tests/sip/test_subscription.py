"""Subscriptions: the tables of RFC 6665 and what runs them."""

from __future__ import annotations

import itertools

import pytest

from sip.subscription import (
    NOTIFIER,
    SUBSCRIBER,
    NotifierAction,
    NotifierInput,
    NotifierState,
    NotifierSubscription,
    SubscriberAction,
    SubscriberInput,
    SubscriberState,
    SubscriberSubscription,
    granted_expires,
    refresh_after,
)


def test_the_tables_are_closed_and_nothing_leaves_the_end() -> None:
    assert {state for state, _ in NOTIFIER.values()} <= {state for state, _ in NOTIFIER} | {NotifierState.TERMINATED}
    assert {state for state, _ in SUBSCRIBER.values()} <= {state for state, _ in SUBSCRIBER} | {
        SubscriberState.TERMINATED
    }
    assert NotifierState.TERMINATED not in {state for state, _ in NOTIFIER}
    assert SubscriberState.TERMINATED not in {state for state, _ in SUBSCRIBER}


def test_every_live_state_ends_when_its_time_is_over() -> None:
    for state in (NotifierState.PENDING, NotifierState.ACTIVE):
        assert NOTIFIER[state, NotifierInput.EXPIRED][0] is NotifierState.TERMINATED
    for waiting in (SubscriberState.NOTIFY_WAIT, SubscriberState.PENDING, SubscriberState.ACTIVE):
        assert SUBSCRIBER[waiting, SubscriberInput.EXPIRED][0] is SubscriberState.TERMINATED


def test_no_sequence_of_five_inputs_removes_a_subscription_twice_or_acts_after_its_end() -> None:
    for notifier_walk in itertools.product(NotifierInput, repeat=4):
        subscription = NotifierSubscription()
        subscription.happen(NotifierInput.SUBSCRIBE_ACCEPTED)
        for happened in notifier_walk:
            subscription.happen(happened)
        assert subscription.actions().count(NotifierAction.REMOVE) <= 1
    for walk in itertools.product(SubscriberInput, repeat=4):
        subscriber = SubscriberSubscription()
        subscriber.subscribe(0.0)
        for event in walk:
            subscriber.happen(event)
        actions = subscriber.actions()
        assert actions.count(SubscriberAction.REMOVE) <= 1
        if SubscriberAction.REMOVE in actions:
            assert actions[-1] is SubscriberAction.REMOVE


@pytest.mark.parametrize(
    ("asked", "granted"), [(None, 3600), (0, 0), (1, 30), (30, 30), (600, 600), (86_400, 86_400), (10**9, 86_400)]
)
def test_what_is_granted_lies_between_30_s_and_a_day(asked: int | None, granted: int) -> None:
    assert granted_expires(asked) == granted


@pytest.mark.parametrize(("expires", "after"), [(600, 540.0), (30, 25.0), (50, 45.0), (3600, 3240.0), (3, 1.0)])
def test_a_refresh_comes_five_seconds_or_a_tenth_before_the_end(expires: int, after: float) -> None:
    assert refresh_after(expires) == after


def test_an_accepted_subscription_is_notified_at_once_and_again_after_each_refresh() -> None:
    subscription = NotifierSubscription()
    subscription.subscribed(600, 0.0)
    assert subscription.actions() == [NotifierAction.NOTIFY_ACTIVE]
    assert subscription.state_header(10.0) == "active;expires=590"
    subscription.subscribed(600, 500.0)
    assert subscription.actions() == [NotifierAction.NOTIFY_ACTIVE]
    assert subscription.deadline() == 1100.0


def test_a_subscription_that_is_not_refreshed_ends_with_a_last_notify() -> None:
    subscription = NotifierSubscription()
    subscription.subscribed(60, 0.0)
    subscription.actions()
    subscription.expire(59.9)
    assert subscription.actions() == []
    subscription.expire(60.0)
    assert subscription.actions() == [NotifierAction.NOTIFY_TIMEOUT, NotifierAction.REMOVE]
    assert subscription.state_header(60.0) == "terminated;reason=timeout"
    assert subscription.deadline() is None


def test_a_cancelled_subscription_ends_with_a_last_notify() -> None:
    subscription = NotifierSubscription()
    subscription.subscribed(60, 0.0)
    subscription.actions()
    subscription.subscribed(0, 5.0)
    assert subscription.actions() == [NotifierAction.NOTIFY_TIMEOUT, NotifierAction.REMOVE]


def test_a_pending_subscription_waits_for_approval() -> None:
    subscription = NotifierSubscription()
    subscription.subscribed(60, 0.0, pending=True)
    assert subscription.state_header(0.0) == "pending;expires=60"
    subscription.happen(NotifierInput.APPROVED)
    assert subscription.actions() == [NotifierAction.NOTIFY_PENDING, NotifierAction.NOTIFY_ACTIVE]


def test_a_notify_answered_481_removes_the_subscription_and_other_answers_do_not() -> None:
    subscription = NotifierSubscription()
    subscription.subscribed(60, 0.0)
    subscription.actions()
    subscription.notify_answered(500)
    assert subscription.actions() == []
    subscription.notify_answered(481)
    assert subscription.actions() == [NotifierAction.REMOVE]


def test_three_lost_notifies_in_a_row_remove_the_subscription() -> None:
    subscription = NotifierSubscription()
    subscription.subscribed(60, 0.0)
    subscription.actions()
    subscription.notify_unanswered()
    subscription.notify_unanswered()
    subscription.notify_answered(200)
    subscription.notify_unanswered()
    subscription.notify_unanswered()
    assert subscription.actions() == []
    subscription.notify_unanswered()
    assert subscription.actions() == [NotifierAction.REMOVE]


def subscribed(expires: int = 600) -> SubscriberSubscription:
    subscription = SubscriberSubscription()
    subscription.subscribe(0.0)
    subscription.answered(200, expires, 1.0)
    assert subscription.actions() == [SubscriberAction.SEND_SUBSCRIBE]
    return subscription


def test_a_subscriber_refreshes_before_the_end_and_carries_on() -> None:
    subscription = subscribed()
    subscription.notified("active;expires=599", 2.0)
    assert subscription.actions() == [SubscriberAction.PASS_NOTIFY]
    assert subscription.deadline() == 541.0
    subscription.expire(541.0)
    assert subscription.actions() == [SubscriberAction.SEND_REFRESH]
    subscription.answered(200, 600, 542.0)
    assert subscription.state is SubscriberState.ACTIVE
    assert subscription.deadline() == 1082.0


def test_a_notifier_that_never_notifies_is_believed_after_timer_n() -> None:
    subscription = subscribed()
    assert subscription.state is SubscriberState.NOTIFY_WAIT
    assert subscription.deadline() == 32.0
    subscription.expire(32.0)
    assert subscription.state is SubscriberState.ACTIVE
    assert subscription.actions() == []


def test_a_notify_may_come_before_the_answer_to_subscribe() -> None:
    subscription = SubscriberSubscription()
    subscription.subscribe(0.0)
    subscription.notified("pending", 0.1)
    assert subscription.state is SubscriberState.PENDING
    subscription.answered(202, 600, 0.2)
    subscription.notified("Active ; expires=600", 0.3)
    assert subscription.state is SubscriberState.ACTIVE


def test_a_refused_subscribe_is_the_end_and_a_refused_refresh_begins_anew() -> None:
    refused = SubscriberSubscription()
    refused.subscribe(0.0)
    refused.answered(403, 600, 0.1)
    assert refused.actions() == [SubscriberAction.SEND_SUBSCRIBE, SubscriberAction.REMOVE]
    subscription = subscribed()
    subscription.notified(None, 2.0)
    subscription.actions()
    subscription.answered(481, 600, 541.0)
    assert subscription.actions() == [SubscriberAction.SUBSCRIBE_ANEW, SubscriberAction.REMOVE]
    assert subscription.deadline() is None


def test_an_unanswered_subscribe_begins_anew() -> None:
    subscription = SubscriberSubscription()
    subscription.subscribe(0.0)
    subscription.unanswered()
    assert subscription.actions()[1:] == [SubscriberAction.SUBSCRIBE_ANEW, SubscriberAction.REMOVE]


def test_a_subscription_that_ran_out_begins_anew() -> None:
    subscription = subscribed(60)
    subscription.expire(61.0)
    assert SubscriberAction.SUBSCRIBE_ANEW in subscription.actions()


def test_a_terminated_notify_is_passed_on_and_ends_it() -> None:
    subscription = subscribed()
    subscription.notified("terminated;reason=timeout", 9.0)
    assert subscription.actions() == [SubscriberAction.PASS_NOTIFY, SubscriberAction.REMOVE]


def test_unsubscribing_sends_a_last_subscribe() -> None:
    subscription = subscribed()
    subscription.unsubscribe()
    subscription.unsubscribe()
    assert subscription.actions() == [SubscriberAction.SEND_UNSUBSCRIBE, SubscriberAction.REMOVE]


@pytest.mark.parametrize(
    ("header", "deadline"),
    [
        ("active;expires=100", 92.0),
        ("active;retry-after=0;expires=100", 92.0),
        ("active;expires=6000", 541.0),
        ("active;expires=0", 541.0),
        ("active;expires=soon", 541.0),
        ("active;expires=" + "9" * 5000, 541.0),
    ],
)
def test_a_notifier_may_shorten_but_not_lengthen(header: str, deadline: float) -> None:
    subscription = subscribed()
    subscription.notified(header, 2.0)
    assert subscription.deadline() == deadline
