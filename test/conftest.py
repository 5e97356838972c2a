# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A DDS domain and one thread for the test run, and where the real frames and weights are."""
import os
import pathlib
import shutil
import signal
import tempfile

from domains import free_domain
import pytest

# Before rclpy is imported anywhere: neither a robot nor a second test run may hear this one.
os.environ['ROS_DOMAIN_ID'] = str(free_domain())
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
# Before torch is: threads that wait for one another take many times as long on a busy machine.
os.environ['OMP_NUM_THREADS'] = '1'
LOGS = tempfile.TemporaryDirectory(prefix='ros_log_')
os.environ['ROS_LOG_DIR'] = LOGS.name

# In the background of a script it is ignored, by all that is started here too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = pathlib.Path(__file__).resolve().parents[2] / 'shared'


@pytest.fixture(scope='session')
def shared() -> pathlib.Path:
    """Return the folder with the real frames, weights and reference outputs, or skip."""
    if not SHARED.is_dir():
        pytest.skip('real frames, weights and reference outputs are not beside this checkout')
    return SHARED


@pytest.fixture(scope='session')
def ms_weights(shared) -> pathlib.Path:
    """Return the trained RT-MonoDepth-S checkpoint whose depth is metric on KITTI's camera."""
    return shared / 'data/weights/rt_monodepth_s_ms_640x192'


@pytest.fixture(scope='module')
def browser():
    """Return headless Chromium."""
    chromium, driver = shutil.which('chromium'), shutil.which('chromedriver')
    if not (chromium and driver):
        pytest.skip('there is no chromium and chromedriver on this machine')
    webdriver = pytest.importorskip('selenium.webdriver', reason='selenium is not installed')
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ('headless', 'no-sandbox', 'disable-quic', 'no-first-run', 'disable-sync',
                     'disable-background-networking', 'disable-component-update',
                     'window-size=1400,900'):
        options.add_argument(f'--{argument}')
    page = webdriver.Chrome(options=options, service=Service(driver))
    yield page
    page.quit()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked `gpu` where torch finds none."""
    marked = [item for item in items if item.get_closest_marker('gpu')]
    if marked:
        import torch  # only where it is asked for
        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason='there is no CUDA device'))
