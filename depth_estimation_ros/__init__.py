# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Monocular depth for ROS 2: camera images to metric depth images and point clouds.

In a notebook, without ROS::

    from depth_estimation_ros import DepthEstimator, open_network, PinholeCamera
    estimator = DepthEstimator(open_network('compact').network)
    [estimate] = estimator.estimate([(rgb, PinholeCamera(1242, 375, 721.5, 721.5, 609.6, 172.9))])
"""
from importlib import import_module

__version__ = '0.1.0'

_PUBLIC = {
    'DepthEstimator': 'estimation.estimator', 'DepthOptions': 'estimation.requests',
    'open_network': 'models.networks', 'PinholeCamera': 'imaging.intrinsics'}
__all__ = [*_PUBLIC, '__version__']


def __getattr__(name: str):
    """Import the public names when they are asked for: torch takes a second."""
    if name not in _PUBLIC:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_PUBLIC[name]}'), name)


def __dir__() -> list[str]:
    return sorted(__all__)
