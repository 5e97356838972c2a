# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All that stands in streets and rooms, built once from a seed; scenes place copies of it."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from depth_estimation_ros.synthetic.drawing.mesh import Mesh
from depth_estimation_ros.synthetic.things import (
    barriers, buildings, furniture, household, lorries, people, plants, vehicles)
from depth_estimation_ros.synthetic.things.parts import pick

_COUNTS = {
    vehicles.car: 32, vehicles.van: 10, lorries.lorry: 12, lorries.bus: 5, lorries.tram: 2,
    vehicles.motorcycle: 4, people.pedestrian: 20, people.cyclist: 8, people.bicycle: 4,
    plants.tree: 28, plants.conifer: 8, plants.shrub: 10, plants.hedge: 8, plants.grass_tuft: 6,
    furniture.lamp_post: 6, furniture.traffic_light: 5, furniture.traffic_sign: 12,
    barriers.gantry: 2, furniture.bollard: 6, furniture.waste_bin: 5, furniture.cabinet: 3,
    furniture.post_box: 2, furniture.bus_stop: 2, furniture.bench: 2, furniture.billboard: 4,
    barriers.fence: 10, barriers.guard_rail: 5, barriers.wall: 8, barriers.noise_wall: 3,
    furniture.power_pole: 3, barriers.construction: 5, barriers.bridge: 3, furniture.kiosk: 2,
    furniture.skip: 3, furniture.umbrella: 2, buildings.house: 12, buildings.facade_block: 20,
    buildings.hall: 4, buildings.garage_row: 2, buildings.tower_block: 3,
    buildings.pavilion: 8,
    household.table: 10, household.coffee_table: 5, household.chair: 10,
    household.office_chair: 4, household.sofa: 8, household.armchair: 5, household.bed: 8,
    household.cupboard: 12, household.wardrobe: 6, household.shelf: 14, household.desk: 8,
    household.television: 5, household.kitchen: 6, household.fridge: 6, household.toilet: 2,
    household.basin: 4, household.bathtub: 3, household.standing_lamp: 5,
    household.potted_plant: 10, household.carton: 8, household.bin_: 4, household.rack: 5,
    household.pallet: 8, household.shop_shelf: 8, household.workbench: 5, household.machine: 6,
    household.radiator: 4}


def library(seed: int) -> dict[str, list[Mesh]]:
    """Return meshes of each kind by the name of the function that builds them, as 'car'."""
    rng = np.random.default_rng(seed)
    return {build.__name__: [build(rng) for _ in range(count)]
            for build, count in _COUNTS.items()}


class Chooser:
    """What builders of scenes draw lots with; `library` holds ready-made things by name."""

    def __init__(self, rng: np.random.Generator, library: dict[str, list[Mesh]]):
        self.rng, self.library = rng, library

    def chance(self, p: float) -> bool:
        """Return true with this probability."""
        return self.rng.random() < p

    def between(self, a: float, b: float) -> float:
        """Return a number from a to b."""
        return float(self.rng.uniform(a, b))

    def one_of(self, things: Sequence):
        """Return one of `things`, as it is."""
        return pick(self.rng, things)

    def any(self, *names: str) -> Mesh:
        """Return one thing of one of the kinds `names`."""
        return self.one_of(self.library[self.one_of(names)])

    def one_kind(self, shares: dict[str, float]) -> str:
        """Return one of the names, each as often as its share says."""
        share = np.array(list(shares.values()))
        return list(shares)[self.rng.choice(len(shares), p=share / share.sum())]
