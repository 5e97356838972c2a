# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One page, one file, on how good depth is: words, figures, where the errors are, frames."""
from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
import math

import numpy as np

from depth_estimation_ros.evaluation.metrics import BINS, DepthMetrics, Parts, RANGES

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 980px; margin: 24px auto; padding: 0 16px;
       color: #222; background: #fff; }
h1 { font-size: 22px; } h2 { font-size: 18px; margin: 32px 0 6px; }
p.verdict { font-size: 20px; margin: 4px 0; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: 2px 6px; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tr.mean td { font-weight: bold; }
.wide { overflow-x: auto; max-height: 460px; overflow-y: auto; }
.note { color: #666; font-size: 14px; }
figure { margin: 0 0 20px; } figcaption { font-size: 14px; } img { width: 100%; }
svg text { font: 12px system-ui, sans-serif; fill: #222; }
"""
COLUMNS = {'abs_rel': 'AbsRel', 'sq_rel': 'SqRel (m)', 'rmse': 'RMSE (m)', 'rmse_log': 'RMSE log',
           'd1': '&lt; 1.25', 'd2': '&lt; 1.25²', 'd3': '&lt; 1.25³',
           'median_ratio': 'truth / depth'}
FEW = 0.001  # of all pixels: what a part of fewer says is chance
RED, BLUE, GREY = (214, 69, 60), (58, 110, 200), (255, 255, 255)


def report(title: str, verdict: Sequence[str], rows: Sequence[tuple[str, DepthMetrics]],
           means: Sequence[tuple[str, DepthMetrics]], found: Parts, bins: np.ndarray | None,
           pictures: Sequence[tuple[str, str, bytes]]) -> str:
    """
    Return the page as HTML.

    :param title: what was judged. verdict: sentences. rows: each frame. means: over the frames.
    :param found: the sums of the frames' `parts`. bins: of the frames' `calibration`, or None.
    :param pictures: (name, what it is, JPEG) of frames to show.
    """
    shown = [('In words', ''.join(f'<p class="verdict">{escape(line)}</p>' for line in verdict)),
             ('Figures', _table(means, len(rows)) + _note(
                 'Eigen et al. 2014, each frame with the same weight. truth / depth is of the '
                 'medians: 1 is right, less is read too far.')),
             ('By distance', _by_range(found.ranges)),
             ('By place in the picture', _by_region(found.regions))]
    if bins is not None:
        shown.append(('Is the confidence honest?', _calibration(bins)))
    if pictures:
        shown.append(('Frames', ''.join(
            f'<figure><figcaption>{escape(name)}: {escape(what)}</figcaption><img alt="'
            f'{escape(name)}" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
            '</figure>' for name, what, data in pictures)))
    shown.append(('Each frame', _table(rows, 0)))
    body = ''.join(f'<h2>{head}</h2>{text}' for head, text in shown)
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
            f'<style>{STYLE}</style><h1>{escape(title)}</h1>{body}</html>\n')


def _note(text: str) -> str:
    return f'<p class="note">{text}</p>'


def _table(rows: Sequence[tuple[str, DepthMetrics]], frames: int) -> str:
    heads = [f'mean of {frames}' if frames else 'frame', 'pixels', *COLUMNS.values(), 'no depth']
    lines = [f'<tr>{"".join(f"<th>{head}</th>" for head in heads)}</tr>']
    for name, m in rows:
        cells = [escape(name), f'{m.n:,}'.replace(',', '\u202f'),
                 *(f'{getattr(m, column):.3f}' for column in COLUMNS),
                 f'{m.missing / m.n:.1%}']
        lines.append(f'<tr{" class=mean" if frames else ""}>'
                     + ''.join(f'<td>{cell}</td>' for cell in cells) + '</tr>')
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _by_range(sums: np.ndarray) -> str:
    """Return a bar for each distance that has pixels: how far off, and which way."""
    total = sums[:, 0].sum()
    lines = ['<table><tr><th>metres</th><th>pixels</th><th>AbsRel</th><th>within 25 %</th>'
             '<th>read</th></tr>']
    for number, (count, error, right, log) in enumerate(sums):
        if count <= FEW * total:
            continue
        end = f' to {RANGES[number + 1]:g}' if number + 1 < len(RANGES) else ' and more'
        lines.append(
            f'<tr><td>{RANGES[number]:g}{end}</td><td>{count / total:.1%}</td>'
            f'<td>{_bar(error / count)} {error / count:.3f}</td><td>{right / count:.0%}</td>'
            f'<td style="background:{_tint(log / count)}">{_read(log / count)}</td></tr>')
    return ''.join(lines) + '</table>' + _note(
        f'By the true distance. What less than {FEW:.1%} of the pixels say is left out.')


def _bar(share: float) -> str:
    width = round(160 * min(share, 1))
    return (f'<svg width="160" height="10"><rect width="{width}" height="10" fill="#888"/></svg>')


def _read(log: float) -> str:
    factor = math.exp(abs(log))
    return 'right' if factor < 1.01 else f'{factor:.2f} x too {"far" if log > 0 else "near"}'


def _tint(log: float) -> str:
    """Return red for too near, blue for too far, white for right; full at a factor of two."""
    end = BLUE if log > 0 else RED
    share = min(abs(log) / math.log(2), 1)
    return 'rgb({},{},{})'.format(*(round(g + (e - g) * share) for g, e in zip(GREY, end)))


def _by_region(sums: np.ndarray) -> str:
    lines = []
    total = sums[..., 0].sum()
    for row in sums:
        cells = ''.join(
            '<td>-</td>' if count <= FEW * total else
            f'<td style="background:{_tint(log / count)}">{error / count:.2f}</td>'
            for count, error, _, log in row)
        lines.append(f'<tr>{cells}</tr>')
    return f'<table>{"".join(lines)}</table>' + _note(
        'AbsRel of each part of the picture; blue is read too far, red too near, and a factor of '
        'two has the full colour.')


def _calibration(bins: np.ndarray) -> str:
    """Return what the confidence said by what was so; on the line it is right."""
    size, edge = 260, 40
    marks = []
    for count, said, right in bins:
        if count > FEW * bins[:, 0].sum():
            radius = 3 + 14 * math.sqrt(count / bins[:, 0].sum())
            marks.append(f'<circle cx="{edge + size * said / count:.1f}" cy="'
                         f'{10 + size * (1 - right / count):.1f}" r="{radius:.1f}" '
                         f'fill="#3a6ec8" fill-opacity="0.75"><title>said {said / count:.0%}, '
                         f'right {right / count:.0%}, {count / bins[:, 0].sum():.0%} of the '
                         'pixels</title></circle>')
    ticks = ''.join(
        f'<text x="{edge + size * t:.0f}" y="{size + 26}" text-anchor="middle">{t:.0%}</text>'
        f'<text x="{edge - 4}" y="{14 + size * (1 - t):.0f}" text-anchor="end">{t:.0%}</text>'
        for t in (0, 0.5, 1))
    return (f'<svg width="{edge + size + 20}" height="{size + 34}"><rect x="{edge}" y="10" '
            f'width="{size}" height="{size}" fill="none" stroke="#888"/><line x1="{edge}" '
            f'y1="{10 + size}" x2="{edge + size}" y2="10" stroke="#888"/>{ticks}{"".join(marks)}'
            '</svg>' + _note(
                f'Across: what the confidence said, in {BINS} steps; up: how much of that was '
                'within 25 % of the truth. On the line it is honest, below it claims too much. '
                'The larger a dot, the more pixels.'))
