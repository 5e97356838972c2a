# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other people's text in our sentences: a message may hold megabytes of it, or a line break."""
from __future__ import annotations

from collections.abc import Iterable
import difflib

LONGEST = 80  # characters of one text
SENTENCE = 1000  # characters of a whole sentence


def shown(text: str) -> str:
    """Return a text in quotes, one line, cut where it is long."""
    kept = text if len(text) <= LONGEST else f'{text[:LONGEST]}... ({len(text)} characters)'
    return "'" + plain(kept) + "'"


def plain(text: str) -> str:
    """Return a text without what forges or breaks lines of a log, cut where it is very long."""
    if len(text) > SENTENCE:
        text = f'{text[:SENTENCE]}...'
    return ''.join(c if c.isprintable() else c.encode('unicode_escape').decode() for c in text)


def meant(name: str, known: Iterable[str]) -> str:
    """Return ': did you mean A?' of the name that is like one that is not known, or ''."""
    near = difflib.get_close_matches(name, list(known), 1, 0.7)
    return f': did you mean {near[0]}?' if near else ''
