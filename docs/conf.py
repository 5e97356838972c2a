# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The documentation as a site: `make docs`; docs.ros.org builds it from this file too."""
from pathlib import Path
import sys

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the API is that of this checkout

from depth_estimation_ros import __version__ as release  # noqa: E402, F401

project = 'depth_estimation_ros'
copyright = '2026, the depth_estimation_ros authors'  # noqa: A001
extensions = ['myst_parser', 'sphinx.ext.autodoc']
source_suffix = {'.md': 'markdown'}
exclude_patterns = ['README.md']  # the front page, index.md, holds it
myst_heading_anchors = 3  # docs link to headings as GitHub names them
default_role = 'code'  # `like this` in docstrings
autodoc_typehints = 'description'
autodoc_member_order = 'bysource'
html_theme = 'furo'
html_title = f'Depth estimation for ROS 2, {release}'
html_static_path = []
