"""Where a head looks."""

from __future__ import annotations

from interop.onvif.head import Axis, Position, PtzHead


def test_an_axis_moves_with_time_until_its_time_runs_out() -> None:
    axis = Axis(-1.0, 1.0).continuous(10.0, 0.25, timeout_s=2.0)
    assert [axis.at(now) for now in (9.0, 10.0, 11.0, 12.0, 13.0)] == [0.0, 0.0, 0.25, 0.5, 0.5]
    assert [axis.moving(now) for now in (10.0, 11.9, 12.0)] == [True, True, False]


def test_an_axis_stands_at_its_end_stop() -> None:
    axis = Axis(0.0, 1.0).continuous(0.0, 0.5, timeout_s=60.0)
    assert (axis.at(3.0), axis.moving(3.0)) == (1.0, False)
    back = axis.continuous(3.0, -0.5, timeout_s=60.0)
    assert (back.at(4.0), back.moving(4.0), back.at(6.0), back.moving(6.0)) == (0.5, True, 0.0, False)


def test_an_axis_goes_to_a_place_and_stays() -> None:
    axis = Axis(-1.0, 1.0).towards(0.0, -0.5, 0.25)
    assert [axis.at(now) for now in (1.0, 2.0, 9.0)] == [-0.25, -0.5, -0.5]
    assert (axis.moving(1.0), axis.moving(2.0)) == (True, False)
    assert axis.towards(1.0, 5.0, 0.25).at(99.0) == 1.0


def test_a_stopped_axis_stays_where_it_is() -> None:
    axis = Axis(-1.0, 1.0).continuous(0.0, 0.5, timeout_s=60.0).stopped(1.0)
    assert (axis.at(1.0), axis.at(9.0), axis.moving(1.5)) == (0.5, 0.5, False)


def test_a_head_moves_the_axes_it_is_told_to() -> None:
    head = PtzHead(pan_tilt_per_s=0.5, zoom_per_s=0.25)
    head.continuous(0.0, 1.0, -0.5, None, 10.0)
    assert head.position(1.0) == Position(0.5, -0.25, 0.0)
    head.continuous(1.0, None, None, 1.0, 10.0)
    assert head.position(2.0) == Position(1.0, -0.5, 0.25)
    assert head.moving(1.5) == (True, True)
    head.stop(2.0, pan_tilt=True, zoom=False)
    assert head.moving(2.5) == (False, True)
    head.stop(3.0, pan_tilt=False, zoom=True)
    assert head.position(9.0) == Position(1.0, -0.5, 0.5)


def test_a_head_goes_to_a_position_at_a_share_of_its_speed() -> None:
    head = PtzHead(pan_tilt_per_s=0.5, zoom_per_s=0.25)
    head.towards(0.0, 1.0, 0.5, 1.0, pan_tilt_speed=0.5, zoom_speed=2.0)
    assert head.position(2.0) == Position(0.5, 0.5, 0.5)
    head.towards(2.0, None, None, 0.0, zoom_speed=0.0)
    assert head.position(3.0).zoom == 0.4975
    assert head.position(9999.0) == Position(1.0, 0.5, 0.0)
