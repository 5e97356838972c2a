# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The floors of the house: the contracts of setup.cfg, and that they see what breaks them."""
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = 'depth_estimation_ros'


def lint(folder):
    """Check the contracts of setup.cfg on the package in `folder`, and say what was found."""
    done = subprocess.run(
        [sys.executable, '-c', 'from importlinter.cli import lint_imports_command as run; run()',
         '--config', 'setup.cfg', '--no-cache'],
        cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_every_import_goes_down_and_the_core_imports_no_ros():
    code, said = lint(ROOT)
    assert code == 0, said


@pytest.mark.parametrize(('file', 'line', 'contract'), [
    ('cloud/points.py', 'import rclpy', 'The core imports no ROS'),
    ('imaging/resize.py', f'from {PACKAGE}.cloud import points', 'A floor imports floors below'),
    ('imaging/resize.py', f'def late():\n    from {PACKAGE}.node import qos',
     'A floor imports floors below'),
    ('models/contract.py', f'from {PACKAGE}.imaging import resize', 'A model file imports'),
    ('drives/folder.py', f'from {PACKAGE}.drives import video', 'No circle'),
    ('attic/__init__.py', '', 'A floor imports floors below')])
def test_what_breaks_a_contract_is_found(tmp_path, file, line, contract):
    shutil.copy(ROOT / 'setup.cfg', tmp_path)
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE,
                    ignore=shutil.ignore_patterns('__pycache__', '*.npz', '*.jpg'))
    planted = tmp_path / PACKAGE / file
    planted.parent.mkdir(exist_ok=True)
    with planted.open('a') as text:
        text.write(f'\n\n{line}\n')
    code, said = lint(tmp_path)
    assert code == 1 and f'{contract}' in said.split('Broken contracts')[-1], said


def test_the_root_of_the_package_is_a_short_list():
    assert sorted(path.name for path in (ROOT / PACKAGE).glob('*.*')) == [
        '__init__.py', '__main__.py', 'cli.py']


def test_no_two_files_of_a_floor_differ_by_an_ending_only():
    for folder in [ROOT / PACKAGE, *(ROOT / PACKAGE).rglob('*/')]:
        names = sorted(path.stem for path in folder.glob('*.py'))
        for one in names:
            for ending in ('s', 'es', 'er', 'or', 'ing', 'ion', 'ation'):
                assert one + ending not in names, f'{folder.name}: {one} and {one}{ending}'


def test_a_notebook_gets_its_names_without_ros():
    code = (f'import sys; from {PACKAGE} import DepthEstimator, DepthOptions, open_network\n'
            f'from {PACKAGE} import PinholeCamera; import numpy as np\n'
            "assert 'rclpy' not in sys.modules\n"
            "estimator = DepthEstimator(open_network('compact').network, 'cpu')\n"
            'camera = PinholeCamera(320, 96, 185, 185, 160, 48)\n'
            'picture = np.zeros((96, 320, 3), np.uint8)\n'
            '[estimate] = estimator.estimate([(picture, camera)], DepthOptions(max_depth=10))\n'
            'print(estimate.depth.shape)')
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True,
                          timeout=120)
    assert done.stdout == '(96, 320)\n', done.stderr
