# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scale over time: steady, from the surest source, held, then stale, never jumping."""
import math

from depth_estimation_ros.scale.tracker import (
    Declined, LONGEST_STEP, MAX_RATE, Reading, ScaleTracker)
import pytest

LIDAR, GROUND = 'range sensor', 'camera height'


def drive(tracker, source, scales, start=0.0, sigma=0.02, rate=10.0):
    """Ask for the scale of each picture, then give its reading; return the scales in force."""
    seen = []
    for number, scale in enumerate(scales):
        now = tracker.current(start + number / rate)
        seen.append(now and now.scale)
        tracker.update(source, Reading(scale, sigma), start + number / rate)
    return seen


def steps(seen):
    """Return by how much each scale differs from the one before."""
    return [abs(math.log(b / a)) for a, b in zip(seen, seen[1:])]


def test_a_reading_counts_from_the_next_picture_on():
    tracker = ScaleTracker()
    assert tracker.current(0.0) is None
    tracker.update(GROUND, Reading(2.0, 0.03), 1.0)
    assert tracker.current(1.0) is None  # its own picture
    now = tracker.current(1.1)
    assert (now.scale, now.source, now.shift) == (2.0, GROUND, 0.0)
    assert now.age == pytest.approx(0.1) and now.sigma == pytest.approx(0.03, abs=0.003)


def test_a_picture_that_is_asked_about_late_gets_what_was_known_before_it():
    tracker = ScaleTracker()
    drive(tracker, GROUND, [1.0, 1.0, 1.0, 1.009, 1.009, 1.009, 1.009])
    assert tracker.current(0.25).scale == 1.0
    assert tracker.current(0.9).scale == 1.009


def test_one_outlier_moves_nothing():
    tracker = ScaleTracker()
    seen = drive(tracker, GROUND, [1.0] * 6 + [3.0] + [1.0] * 6)
    assert seen == [None] + [1.0] * 12


def test_a_change_that_stays_is_followed_at_the_stated_rate():
    tracker = ScaleTracker()
    seen = drive(tracker, GROUND, [1.0] * 10 + [1.5] * 10)
    midway = tracker.current(2.0)
    assert 1.0 < midway.scale < 1.3 and midway.sigma > 0.14  # it has some way to go yet
    seen += drive(tracker, GROUND, [1.5] * 50, start=2.0)
    assert max(steps(seen[1:])) <= MAX_RATE * 0.1 + 1e-9
    assert seen[-1] == pytest.approx(1.5)


def test_a_scale_is_held_then_stale_and_the_sentence_says_so():
    tracker = ScaleTracker(hold=5.0)
    drive(tracker, LIDAR, [1.2] * 10)  # the last at 0.9
    held = tracker.current(5.8)
    assert held.scale == pytest.approx(1.2) and held.age == pytest.approx(4.9)
    assert held.sigma > tracker.current(1.0).sigma  # older is less sure
    assert tracker.sentences(5.8) == ['Range sensor has been silent for 4.9 s.']
    assert tracker.current(6.0) is None
    [stale, silent] = tracker.sentences(6.0)
    assert 'stale' in stale and '1.2 metres per unit' in stale and LIDAR in stale
    assert '5.1 s' in silent


def test_a_scale_that_was_stale_starts_where_the_new_readings_are():
    tracker = ScaleTracker(hold=5.0)
    drive(tracker, LIDAR, [1.0] * 10)
    tracker.update(LIDAR, Reading(2.0, 0.02), 10.0)
    assert tracker.current(10.05) is None  # one alone may be wrong
    tracker.update(LIDAR, Reading(9.0, 0.02), 10.1)
    tracker.update(LIDAR, Reading(2.1, 0.02), 10.2)
    assert tracker.current(10.25) is None
    assert '3 readings that agree begin it again' in tracker.sentences(10.25)[0]
    tracker.update(LIDAR, Reading(2.05, 0.02), 10.3)
    assert tracker.current(10.35).scale == 2.05


def test_after_a_gap_the_scale_goes_no_faster_and_is_unsure_while_it_has_far_to_go():
    tracker = ScaleTracker(hold=5.0)
    drive(tracker, LIDAR, [1.4] * 10)  # the last at 0.9
    tracker.update(LIDAR, Reading(0.6, 0.02), 5.85)  # only one other is within the hold
    now = tracker.current(5.95)
    assert abs(math.log(now.scale / 1.4)) == pytest.approx(MAX_RATE * LONGEST_STEP)
    assert now.sigma > 0.5
    [unsure] = tracker.sentences(5.95)
    assert unsure.startswith('The scale is too unsure for points: 1.27 (+- 146%, over 30%)')
    drive(tracker, LIDAR, [1.4] * 20, start=6.0)
    assert tracker.current(8.0).scale == pytest.approx(1.4) and tracker.sentences(8.0) == []


def test_the_surest_source_counts_and_the_other_takes_over_when_it_stops():
    tracker = ScaleTracker(hold=5.0)
    used = []
    for number in range(100):
        stamp = number / 10
        if stamp < 2:
            tracker.update(LIDAR, Reading(1.0, 0.01), stamp)
        tracker.update(GROUND, Reading(1.04, 0.05), stamp)
        used.append(tracker.current(stamp + 0.05).source)
    assert used[:20] == [LIDAR] * 20  # then older and less sure, frame by frame
    change = used.index(GROUND)
    assert 20 < change < 60 and used[change:] == [GROUND] * (100 - change)
    assert tracker.current(9.95).scale == pytest.approx(1.04)
    assert tracker.sentences(9.95) == ['Range sensor has been silent for 8.0 s.']


def test_sources_that_differ_within_their_uncertainty_are_no_contradiction():
    tracker = ScaleTracker()
    drive(tracker, LIDAR, [1.0] * 5, sigma=0.01)
    drive(tracker, GROUND, [1.12] * 5, sigma=0.05)
    assert tracker.sentences(0.5) == []


def test_while_sources_contradict_the_last_scale_holds_then_it_is_stale_and_nothing_jumps():
    tracker = ScaleTracker(hold=2.0)
    drive(tracker, LIDAR, [1.0] * 5, sigma=0.02)
    seen = []
    for number in range(30):
        stamp = 0.5 + number / 10
        seen.append(tracker.current(stamp))
        tracker.update(GROUND, Reading(1.6, 0.05), stamp)
        tracker.update(LIDAR, Reading(1.0, 0.02), stamp)
    assert [now and now.scale for now in seen] == [1.0] * 20 + [None] * 10
    stale, sentence = tracker.sentences(3.5)
    assert sentence.startswith('Range sensor and camera height contradict one another: 1 (')
    assert 'and 1.6 (' in sentence and 'stale' in stale
    seen = drive(tracker, LIDAR, [1.0] * 30, start=3.5)  # the other is silent for the hold
    assert set(seen[:20]) == {None} and seen[25:] == [1.0] * 5


def test_sources_that_contradict_from_the_first_picture_on_give_no_scale():
    tracker = ScaleTracker()
    for number in range(5):
        tracker.update(GROUND, Reading(2.0, 0.02), number / 10)
        tracker.update(LIDAR, Reading(1.0, 0.02), number / 10)
    assert tracker.current(0.5) is None
    assert 'contradict' in tracker.sentences(0.5)[0]


def test_sources_that_agree_again_count_again():
    tracker = ScaleTracker()
    drive(tracker, LIDAR, [1.0] * 5, sigma=0.02)
    drive(tracker, GROUND, [1.6] * 7, start=0.5, sigma=0.02)
    assert tracker.current(1.2).age == pytest.approx(0.8)
    drive(tracker, GROUND, [1.01] * 7, start=1.2, sigma=0.02)
    assert tracker.sentences(1.9)[-1].startswith('Range sensor has been silent')
    assert tracker.current(1.9).age < 0.2 and tracker.current(1.9).scale < 1.02


def test_a_surer_source_is_approached_not_jumped_to():
    tracker = ScaleTracker()
    seen = drive(tracker, GROUND, [1.0] * 5, sigma=0.08)
    seen += drive(tracker, LIDAR, [1.2] * 40, start=0.5, sigma=0.01)
    assert max(steps(seen[1:])) <= MAX_RATE * 0.1 + 1e-9
    assert seen[-1] == pytest.approx(1.2)
    assert tracker.current(4.5).source == LIDAR


def test_a_camera_that_tips_over_keeps_its_scale_for_the_hold_and_then_has_none():
    tracker = ScaleTracker(hold=5.0)
    drive(tracker, GROUND, [0.9] * 20)
    end = 2.0
    for number in range(100):
        tracker.update(GROUND, Declined('the flattest surface is turned'), end + number / 10)
    assert tracker.current(end + 2).scale == pytest.approx(0.9)
    [sentence] = tracker.sentences(end + 2)
    assert sentence == 'Camera height gives no scale for 2.1 s: the flattest surface is turned.'
    assert tracker.current(end + 6) is None
    assert 'stale' in tracker.sentences(end + 6)[0]
    assert 'turned' in tracker.sentences(end + 6)[1]


def test_a_source_that_never_gave_anything_says_why():
    tracker = ScaleTracker()
    tracker.update(GROUND, Declined('walls cover it'), 1.0)
    assert tracker.current(2.0) is None
    assert tracker.sentences(2.0) == ['Camera height gives no scale: walls cover it.']


def test_scatter_of_the_readings_counts_as_uncertainty():
    tracker = ScaleTracker()
    drive(tracker, GROUND, [0.8, 1.25, 0.85, 1.2, 0.9, 1.1, 1.0], sigma=0.01)
    assert tracker.current(0.7).sigma > 0.1


def test_late_readings_and_the_same_one_twice_are_passed_over():
    tracker = ScaleTracker()
    drive(tracker, GROUND, [1.0] * 5)
    end = 0.5
    for _ in range(20):
        tracker.update(GROUND, Reading(9.0, 0.001), end - 0.1)
        tracker.update(GROUND, Reading(9.0, 0.001), end - 0.3)
    assert tracker.current(end).scale == 1.0


@pytest.mark.parametrize('hold', [0.2, 5.0])
def test_a_bag_that_begins_again_begins_anew_however_short_it_is(hold):
    tracker = ScaleTracker(hold)
    drive(tracker, GROUND, [1.0] * 30, start=100.0)
    drive(tracker, GROUND, [2.0], start=101.0)  # 1.9 s back
    assert tracker.current(101.1).scale == 2.0 and tracker.sentences(101.1) == []


def test_scale_and_shift_of_relative_depth_go_together():
    tracker = ScaleTracker()
    tracker.update(LIDAR, Reading(2.0, 0.02, shift=0.01), 0.0)
    seen = []
    for number in range(1, 100):
        seen.append(tracker.current(number / 10))
        tracker.update(LIDAR, Reading(3.0, 0.02, shift=0.05), number / 10)
    assert (seen[0].scale, seen[0].shift) == (2.0, 0.01)
    part = math.log(seen[30].scale / 2) / math.log(1.5)
    assert 0 < part < 1
    assert seen[30].shift == pytest.approx(0.01 + part * 0.04)
    assert (seen[-1].scale, seen[-1].shift) == (3.0, 0.05)
