# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the figures of depth against truth mean, in words."""
from __future__ import annotations

from depth_estimation_ros.evaluation.metrics import DepthMetrics

RIGHT = 1.05  # a factor of the median depth that is no more than that off is right
WRONG = 1.5  # beyond it something else than the model may be wrong
SHAPELY = 0.75  # part of the pixels that is within 25 % where the shapes are as they should be
MENDED = 0.8  # part of AbsRel that is left where a scale mends it
UNSTEADY = 0.15  # std / mean of the scale over the frames, from which on no one scale fits


def verdict(published: DepthMetrics, scaled: DepthMetrics, ratio: float, spread: float,
            metres: float | None) -> list[str]:
    """
    Return sentences on means over frames.

    scaled: each frame by its own median. ratio: median of truth / depth; spread: its standard
    deviation over its mean. metres: per model unit, that made the depth; None: the model has no
    scale, and only `scaled` counts.
    """
    if metres is None:
        return [f'within 25 % once each frame is scaled: {scaled.d1:.0%} of the pixels; a '
                f'depth_scale of {ratio:.3g} is the median of these frames']
    said = [f'within 25 %: {published.d1:.0%} of the pixels']
    far, factor = ratio < 1, max(ratio, 1 / ratio)
    if factor <= RIGHT:
        said.append('the median depth is right')
    else:
        said.append(f'{factor:.2f} x too {"far" if far else "near"}')
        if scaled.abs_rel > MENDED * published.abs_rel:
            said.append(f'no scale mends it ({scaled.d1:.0%} within 25 % if each frame had its '
                        'own)' + ('' if scaled.d1 > SHAPELY else
                                  ': the shapes are wrong, take a model for such scenes'))
        elif spread > UNSTEADY:
            said.append(f'each frame by another factor (spread {spread:.2f}): camera_height or a '
                        'range sensor would mend it')
        else:
            said.append(f'depth_scale {metres * ratio:.3g} would mend it ({scaled.d1:.0%} within '
                        '25 % if each frame had its own)')
    sentences = ['; '.join(said)]
    if factor > WRONG:
        sentences.append(
            'note: so far off is often a wrong unit of the truth (--truth-unit), a wrong '
            'calibration, or a model for other scenes (depth_estimation models show NAME)')
    return sentences
