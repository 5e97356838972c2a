# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The page that `evaluate --output` leaves: one file, nobody's names run in it."""
from html.parser import HTMLParser

from depth_estimation_ros.evaluation.metrics import DepthMetrics, parts
from depth_estimation_ros.evaluation.report import report
import numpy as np

METRICS = DepthMetrics(1234, 12, 0.2, 1.5, 7.25, 0.3, 0.752, 0.9, 0.95, 1.5)
EVIL = '<script>alert(1)</script>'


class Reader(HTMLParser):
    """Collects the text of a page and what its tags refer to."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.refers = [], '', []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.refers += [value for name, value in attributes if name in ('src', 'href')]

    def handle_data(self, data):
        self.text += data


def page(**changes):
    truth = np.full((40, 60), 4.0)
    truth[:, 30:] = 15.0
    depth = truth.copy()
    depth[:, 30:] *= 2
    given = {'title': EVIL, 'verdict': [EVIL, 'within 25 %: 50% of the pixels'],
             'rows': [(EVIL, METRICS)], 'means': [('as published', METRICS)],
             'found': parts(depth, truth), 'bins': np.array([[100.0, 80.0, 60.0]] * 10),
             'pictures': [(EVIL, 'worst', b'\xff\xd8jpeg')], **changes}
    return Reader(report(**given))


def test_it_says_where_the_errors_are():
    seen = page()
    for words in ('within 25 %: 50% of the pixels', '2 to 5', '10 to 20', 'right',
                  '2.00 x too far', '50.0%', 'said 80%, right 60%', '1\u202f234', '1.0%'):
        assert words in seen.text, words
    assert '5 to 10' not in seen.text  # no pixel


def test_it_is_one_file_in_which_no_name_runs():
    seen = page()
    assert 'script' not in seen.tags and EVIL in seen.text
    assert len(seen.refers) == 1 and seen.refers[0].startswith('data:image/jpeg;base64,')


def test_what_there_is_nothing_of_has_no_heading():
    seen = page(bins=None, pictures=[])
    assert 'honest' not in seen.text and 'Frames' not in seen.text
