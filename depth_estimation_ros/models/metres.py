# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a model's numbers mean in metres."""
from __future__ import annotations

from dataclasses import dataclass

from depth_estimation_ros.models.contract import ScaleContract


class ScaleError(ValueError):
    """A model whose numbers cannot become metres; the message says what to change."""


@dataclass(frozen=True)
class Scale:
    """
    Metres per model unit, and a sentence on where that figure comes from.

    shift: 0, but of relative inverse depth v, of which 1 / Z = v / metres_per_unit + shift, in
    1 / metre.
    """

    metres_per_unit: float
    source: str
    shift: float = 0.0

    def __str__(self) -> str:
        """Return it in words."""
        shift = f', shift {self.shift:g} / m' if self.shift else ''
        return f'1 model unit = {self.metres_per_unit:g} m{shift} ({self.source})'


def scale_for(contract: ScaleContract, depth_scale: float, depth_shift: float = 0.0) -> Scale:
    """
    Return the scale in force: `depth_scale` above 0 is taken as it is, 0 asks the contract.

    Of relative inverse depth 1 / Z = depth_scale * value + depth_shift. Raises ScaleError where
    neither gives one, such depth must never come out as metres, and for a shift of no use.
    """
    if depth_shift and not contract.relative:
        raise ScaleError('depth_shift is for relative inverse depth, but what this model gives is '
                         f'{contract.kind.value}: set depth_shift to 0')
    if depth_scale > 0 and contract.relative:
        return Scale(1 / depth_scale, f'parameters depth_scale = {depth_scale:g} and depth_shift '
                     f'= {depth_shift:g} per metre; by itself {contract.kind.value}', depth_shift)
    if depth_scale > 0:
        return Scale(depth_scale, f'parameter depth_scale = {depth_scale:g} metres per unit; by '
                     f'itself {contract.kind.value}')
    if depth_shift:
        raise ScaleError(f'depth_shift = {depth_shift:g} needs depth_scale, for 1 / Z = '
                         'depth_scale * value + depth_shift: set depth_scale too, or depth_shift '
                         'to 0')
    if contract.metres_per_unit is None:
        raise ScaleError(
            f'this model has no scale of its own ({contract.kind.value}: {contract.reason}): set '
            + ('depth_scale and depth_shift, of which 1 / Z = depth_scale * value + depth_shift, '
               'give the node a range_topic' if contract.relative else
               'depth_scale to the metres per model unit that you measured, give the node a '
               'camera_height or a range_topic')
            + ", or set model to one that is metric ('depth_estimation models' lists them)")
    return Scale(contract.metres_per_unit, f'{contract.kind.value}: {contract.reason}')
