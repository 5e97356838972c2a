# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The shipped costmap parameters, by the stand-in for Nav2's layers that the benchmark judges."""
from benchmarks.costmap import CELL, CONFIG, Layer
import numpy as np
import pytest
import yaml

COSTMAP = yaml.safe_load(CONFIG.read_text())['local_costmap']['local_costmap']['ros__parameters']
SETTINGS = COSTMAP['depth_layer']
CAMERA = np.array([0.0, 0.0, 1.0])
LOW, SIZE = np.array([-1.0, -3.0]), np.array([12.0, 6.0])


def sheet(x, y, z):
    """Return the points of all combinations, (N, 3)."""
    return np.stack(np.meshgrid(x, y, z), -1).reshape(-1, 3).astype(float)


FLOOR = sheet(np.arange(1, 9, 0.04), np.arange(-1, 1, 0.04), 0.0)
BOX = sheet([3.0], np.arange(-0.3, 0.3, 0.04), np.arange(0, 0.6, 0.04))


def marked(layer, x, y=0.0):
    return bool(layer.marked[tuple(np.floor((np.array([x, y]) - LOW) / CELL + 1e-9).astype(int))])


@pytest.fixture(params=[True, False], ids=['ObstacleLayer', 'VoxelLayer'])
def layer(request):
    """Return a costmap with the shipped parameters."""
    return Layer(SETTINGS, LOW, SIZE, flat=request.param)


def test_what_stands_up_is_marked_and_the_floor_is_not_even_if_it_is_off(layer):
    for off in (-0.15, 0.15):
        layer.update(FLOOR + [0, 0, off], CAMERA)
        assert not layer.marked.any()
    layer.update(np.concatenate([FLOOR[FLOOR[:, 0] < 2.9], BOX]), CAMERA)
    assert marked(layer, 3.0) and marked(layer, 3.0, 0.2) and not marked(layer, 2.5)


def test_the_floor_behind_clears_what_went_away_also_where_it_is_seen_too_low(layer):
    layer.update(BOX, CAMERA)
    assert marked(layer, 3.0)
    dense = sheet(np.arange(3.2, 9, 0.02), np.arange(-1, 1, 0.02), -0.1)
    wall = sheet([9.0], np.arange(-2, 2, 0.02), np.arange(0, 3, 0.02))
    layer.update(np.concatenate([dense, wall]), CAMERA)
    assert not layer.marked[:int(8 / CELL)].any()


def test_what_is_looked_over_stays_in_voxels_only():
    """The reason to choose between the two layers."""
    over = sheet([9.0], np.arange(-1, 1, 0.02), np.arange(1.2, 2, 0.02))
    for flat in (True, False):
        layer = Layer(SETTINGS, LOW, SIZE, flat)
        layer.update(BOX, CAMERA)
        layer.update(over, CAMERA)
        assert marked(layer, 3.0) != flat


def test_what_is_beyond_the_range_of_marks_is_not_marked_but_clears(layer):
    layer.update(BOX * [1, 1, 0.2] + [0, 0, 0.8], CAMERA)
    assert marked(layer, 3.0)
    layer.update(sheet([10.9], np.arange(-2, 2, 0.02), np.arange(0, 1.1, 0.01)), CAMERA)
    assert not marked(layer, 10.9)
    assert not layer.marked[:int(8 / CELL)].any()


def test_no_default_of_nav2_that_surprises_is_left_to_itself():
    """Those are 0.0 for both heights of a source, 2.5 and 3 m of range, LaserScan, no clearing."""
    sources = [layer[name] for layer in (SETTINGS, COSTMAP['scan_layer'])
               for name in layer['observation_sources'].split()]
    assert [s['data_type'] for s in sources] == ['PointCloud2', 'PointCloud2', 'LaserScan']
    for source in sources:
        assert source['max_obstacle_height'] > 0 and source['expected_update_rate'] > 0
        assert {'marking', 'clearing', 'topic', 'min_obstacle_height'} <= set(source)
    mark, clear, scan = sources
    assert mark['min_obstacle_height'] > 0 > clear['min_obstacle_height']
    assert clear['raytrace_max_range'] > mark['obstacle_max_range']
    assert not scan['inf_is_valid'] and scan['min_obstacle_height'] < 0
    assert COSTMAP['width'] / 2 >= mark['obstacle_max_range']
    top = SETTINGS['origin_z'] + SETTINGS['z_voxels'] * SETTINGS['z_resolution']
    assert SETTINGS['z_voxels'] <= 16 and top >= SETTINGS['max_obstacle_height']
