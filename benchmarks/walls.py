# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
What a scale that was taped at one distance is worth at others, on generated walls.

    python -m benchmarks.walls [--model compact] [--weights ...] [--walls 12]

Each wall faces the camera, 14 m wide and 5 m high, on flat ground under a day's light; surface,
light, camera height and sensor change from wall to wall. The model is calibrated at 3 m (what
`depth_estimation calibrate` does), then reads the same wall at 2 and 5 m. And how many walls are
accepted when the boards of all three distances are given, which is what shows a model unfit.
"""
from __future__ import annotations

import argparse

from depth_estimation_ros.drives.folder import find_optics
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import Request
from depth_estimation_ros.models import networks
from depth_estimation_ros.scale import taping
from depth_estimation_ros.scale.taping import CalibrationError
from depth_estimation_ros.synthetic.drawing.light import random_light
from depth_estimation_ros.synthetic.drawing.mesh import join, quads
from depth_estimation_ros.synthetic.drawing.render import Renderer, Views
from depth_estimation_ros.synthetic.drawing.sensor import expose, Sensor
from depth_estimation_ros.synthetic.drawing.textures import Texture
import numpy as np
import torch

SEED = 75_000
CAMERA = find_optics('', 70.0, None).camera(640, 384)
TAPED, OTHERS = 3.0, (2.0, 5.0)
SURFACES = {  # and the size of a cell in metres
    Texture.BRICK: (2.0, 2.0), Texture.PLASTER: (6.0, 6.0), Texture.CONCRETE: (4.0, 4.0),
    Texture.STONE: (3.0, 3.0), Texture.WOOD: (2.0, 2.0), Texture.BAY: (3.0, 3.0)}
GROUNDS = (Texture.PAVING, Texture.ASPHALT, Texture.CONCRETE, Texture.COBBLES)


@torch.inference_mode()
def walls(renderer: Renderer, number: int, distances, camera=CAMERA):
    """Yield (image (H, W, 3) uint8 RGB, depth (H, W) metres, inf = sky) of a wall at each."""
    rng = np.random.default_rng([SEED, number])
    surface = list(SURFACES)[number % len(SURFACES)]
    color, ground_color = (rng.uniform(0.15, 0.6) * rng.uniform(0.8, 1.2, 3) for _ in range(2))
    ground_kind = GROUNDS[rng.integers(len(GROUNDS))]
    light, sensor = random_light(rng), Sensor.random(rng)
    height = float(rng.uniform(0.6, 1.6))
    ground = quads([(-5, 40, 0), (-5, -40, 0), (60, -40, 0), (60, 40, 0)], ground_color,
                   ground_kind, (2.0, 2.0))
    rotation = torch.tensor([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])  # world to optical
    for metres in distances:
        wall = quads([(metres, 7, 0), (metres, -7, 0), (metres, -7, 5), (metres, 7, 5)], color,
                     surface, SURFACES[surface])
        scene = renderer.scene(join([ground, wall]), light, (metres, 0.0, 0.0))
        views = Views(rotation[None], torch.tensor([[0.0, 0.0, height]]), torch.tensor(
            [[camera.fx, camera.fy, camera.cx, camera.cy]]), camera.width, camera.height)
        picture, depth = scene.render(views)
        yield expose(picture, [sensor], rng)[0], depth[0].numpy()


def read(estimator: DepthEstimator, image: np.ndarray, metres: float):
    """Return the board in the middle of a picture, as `calibrate` sees it."""
    [estimate] = estimator.estimate_all([Request(image, CAMERA, outputs=(), unscaled=True)])
    return taping.board(metres, [taping.cut(
        estimate.unscaled, CAMERA, taping.middle(CAMERA))])


def _fit(boards) -> taping.Fit | None:
    try:
        return taping.fit(boards, False)
    except CalibrationError:
        return None


def main() -> None:
    """Print a line a wall and what they come to."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--model', default='compact')
    parser.add_argument('--weights', default='')
    parser.add_argument('--walls', type=int, default=12)
    chosen = parser.parse_args()
    network = networks.open_network(chosen.model, chosen.weights).network
    estimator = DepthEstimator(network, 'cpu', 'fp32')
    renderer = Renderer(SEED)
    print(f'{"wall":<12} {"depth_scale":>12}' + ''.join(
        f' {f"error at {metres:g} m":>14}' for metres in OTHERS))
    errors, accepted = [], 0
    for number in range(chosen.walls):
        name = list(SURFACES)[number % len(SURFACES)].name.lower()
        boards = [read(estimator, image, metres) for metres, (image, _) in zip(
            (TAPED, *OTHERS), walls(renderer, number, (TAPED, *OTHERS)))]
        fit = _fit(boards[:1])
        if fit is None:
            print(f'{name:<12} {"refused":>12}')
            continue
        accepted += _fit(boards) is not None
        errors.append([fit.error(one) for one in boards[1:]])
        print(f'{name:<12} {fit.scale:12.3f}' + ''.join(f' {e:+14.1%}' for e in errors[-1]))
    away = np.abs(errors)
    print(f'{len(errors)} of {chosen.walls} walls gave a scale by one board, {accepted} by boards '
          'at all three distances; median error '
          + ', '.join(f'{np.median(of):.1%} at {metres:g} m' for metres, of in zip(OTHERS, away.T))
          + '; within 3 %: ' + ', '.join(f'{(of <= 0.03).mean():.0%}' for of in away.T))


if __name__ == '__main__':
    main()
