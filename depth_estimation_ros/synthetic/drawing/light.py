# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The light of a scene: sun, sky, air and lamps."""
from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np


@dataclass(frozen=True)
class Lamp:
    """
    A small plane that shines to one side, as a ceiling lamp or a window does (Lambert).

    position: metres. towards: unit vector, where most of its light goes. color: irradiance at
    1 m straight ahead, linear RGB.
    """

    position: tuple[float, float, float]
    towards: tuple[float, float, float]
    color: tuple[float, float, float]


@dataclass(frozen=True)
class Light:
    """
    Sun, sky and air of a scene. Colours are linear RGB; the sun's and sky's are irradiances.

    sun: unit vector towards the sun. sun_color is black under an overcast sky. cloud: 0 (none)
    to 1 (all). fog: optical depth a metre. glare: of the air around the sun.
    lamps: of a room; where there are any, what comes from all around is `ambient` and not the
    sky's, which is seen through windows only.
    """

    sun: tuple[float, float, float]
    sun_color: tuple[float, float, float]
    zenith: tuple[float, float, float]
    horizon: tuple[float, float, float]
    cloud: float
    cloud_color: tuple[float, float, float]
    fog: float
    fog_color: tuple[float, float, float]
    glare: float
    seed: int
    lamps: tuple[Lamp, ...] = ()
    ambient: tuple[float, float, float] = (0.0, 0.0, 0.0)


def random_light(rng: np.random.Generator) -> Light:
    """Return a day's light: sun low or high, clear, hazy, overcast, dusk or fog."""
    kind = rng.choice(['clear', 'broken', 'overcast', 'hazy', 'dusk', 'fog'],
                      p=[0.36, 0.22, 0.2, 0.1, 0.06, 0.06])
    height = math.radians(rng.uniform(6, 25) if rng.random() < 0.3 else rng.uniform(25, 65))
    around = rng.uniform(0, 2 * math.pi)
    sun = (math.cos(height) * math.cos(around), math.cos(height) * math.sin(around),
           math.sin(height))
    warm = math.exp(-3.5 * math.sin(height))
    strength = {'clear': 3.2, 'broken': 2.6, 'overcast': 0.0, 'hazy': 1.4, 'dusk': 0.25,
                'fog': 0.0}[kind] * rng.uniform(0.7, 1.8)
    sun_color = strength * np.array([1.0, 0.93 - 0.25 * warm, 0.82 - 0.45 * warm])
    blue = np.array([0.28, 0.48, 0.95]) * rng.uniform(0.6, 1.1)
    pale = np.array([0.75, 0.85, 1.0]) * rng.uniform(0.8, 1.5)
    grey = np.ones(3) * rng.uniform(0.7, 1.4) * (1 + rng.normal(size=3) * 0.02)
    zenith, horizon = blue, pale
    if kind in ('overcast', 'fog'):
        zenith, horizon = grey, grey * rng.uniform(0.85, 1.15)
    elif kind == 'hazy':
        zenith, horizon = 0.5 * (blue + grey), grey
    elif kind == 'dusk':
        zenith, horizon = blue * 0.35, np.array([0.8, 0.55, 0.45]) * rng.uniform(0.3, 0.7)
    fog = {'fog': rng.uniform(0.006, 0.025), 'hazy': rng.uniform(0.001, 0.004)}.get(
        kind, rng.uniform(0, 0.0012))
    return Light(sun, tuple(map(float, sun_color)), tuple(map(float, zenith)),
                 tuple(map(float, horizon)),
                 {'clear': rng.uniform(0, 0.3), 'broken': rng.uniform(0.3, 0.75)}.get(kind, 0.0),
                 tuple(map(float, np.ones(3) * rng.uniform(0.8, 1.5))), float(fog),
                 tuple(map(float, 0.95 * horizon)), float(rng.uniform(0, 0.35)),
                 int(rng.integers(1 << 30)))
