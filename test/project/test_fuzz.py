# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bad bytes of every kind that is read: the first cases of `make fuzz`, and what it has found."""
import fuzzing
import pytest

SHARE = 50  # cases for each hundredth that a target has of them


@pytest.mark.parametrize('name', fuzzing.TARGETS)
def test_nothing_but_the_project_s_own_exceptions_comes_out(name):
    found = fuzzing.fuzz(name, 0, SHARE * fuzzing.TARGETS[name].share)
    assert not found.bad, '\n'.join(f'{name}, case {number}: {trace}'
                                    for number, trace in found.bad)
    assert found.cases == SHARE * fuzzing.TARGETS[name].share


@pytest.mark.parametrize('fault', [MemoryError, ValueError, RecursionError, KeyError])
def test_what_is_out_of_line_is_found(fault, monkeypatch):
    def parser(*_):
        raise fault('no sentence')

    target = fuzzing.Target(fuzzing.nothing, parser, (fuzzing.DriveError,), 1)
    monkeypatch.setitem(fuzzing.TARGETS, 'planted', target)
    assert fault.__name__ in fuzzing.fuzz('planted', 0, 1).bad[0][1]


def test_memory_time_and_the_death_of_the_process_are_found(monkeypatch):
    monkeypatch.setattr(fuzzing, 'SECONDS', 1)
    for words, parser in (
            ('MemoryError', lambda *_: bytearray(2 * fuzzing.MEMORY)),
            ('TimeoutError', lambda *_: fuzzing.time.sleep(5)),
            ('the process ended with -9', lambda *_: fuzzing.signal.raise_signal(9))):
        target = fuzzing.Target(fuzzing.nothing, parser, (), 1)
        monkeypatch.setitem(fuzzing.TARGETS, 'planted', target)
        assert words in fuzzing.fuzz('planted', 0, 1).bad[0][1]
