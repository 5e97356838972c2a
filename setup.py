# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Install the package, the ament way (colcon) and the pip way."""
from glob import glob

from setuptools import find_packages, setup

package_name = 'depth_estimation_ros'

# ROS 2 itself, for machines that have none: wheels that bring one whole distribution each.
# OpenCV comes with them, because a robot has its own (apt's cannot be seen by pip, and cv_bridge
# breaks when a newer one shadows it).
OPENCV = 'opencv-python-headless'


def ros_wheels(rclpy: str, rcl_interfaces: str, common_interfaces: str) -> list[str]:
    """Return the pinned wheels of one ROS 2 distribution; the versions are repository releases."""
    return [
        f'ros-rclpy[fastrtps]=={rclpy}',
        f'ros-lifecycle-msgs=={rcl_interfaces}',
        f'ros-rosgraph-msgs=={rcl_interfaces}',
        f'ros-diagnostic-msgs=={common_interfaces}',
        f'ros-sensor-msgs=={common_interfaces}',
        f'ros-std-msgs=={common_interfaces}',
    ]


setup(
    name=package_name,
    version='0.1.0',
    description='Monocular depth for ROS 2: camera images to metric depth and point clouds.',
    license='Apache-2.0',
    maintainer='the depth_estimation_ros authors',
    maintainer_email='authors@depth-estimation-ros.invalid',
    packages=find_packages(include=[package_name, f'{package_name}.*']),
    package_data={f'{package_name}.estimation': ['*.jpg'],
                  f'{package_name}.models': ['*.npz', 'readings/*.yaml'],
                  f'{package_name}.viewing': ['*.html']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (f'share/{package_name}', ['package.xml']),
        (f'share/{package_name}/launch', sorted(glob('launch/*.launch.py'))),
        (f'share/{package_name}/config', sorted(glob('config/*.*'))),
        # Where `ros2 run` and `ros2 launch` look; pip's own scripts go to bin.
        (f'lib/{package_name}', sorted(glob('scripts/*'))),
    ],
    python_requires='>=3.10',
    install_requires=['numpy>=1.21', 'pyyaml', 'torch>=2.1'],
    extras_require={
        'jazzy': [OPENCV, *ros_wheels('7.1.6', '2.0.3', '5.3.6')],
        'kilted': [OPENCV, *ros_wheels('9.1.2', '2.3.0', '5.5.1')],
        # What single networks are read with.
        'h5': ['h5py'],
        'onnx': ['onnxruntime>=1.22'],
        'transformers': ['huggingface_hub', 'safetensors', 'transformers>=4.45'],
        # annotate on a cluster, and of stores: s3://, gs://
        'scale': ['ray', 'fsspec', 's3fs', 'gcsfs'],
        # What only the command line needs: bags, progress bars, a live table, completion.
        # rosbags 0.11.9 is the first that reads what it must, and its storage interface is used.
        'cli': ['argcomplete', 'lz4', 'mcap>=1.3,<2', 'rich', 'rosbags>=0.11.9,<0.12',
                'tqdm', 'zstandard'],
        'docs': ['furo', 'myst-parser', 'sphinx'],
        # flask: what moto answers with; its extra `server` brings much more.
        'test': ['flask', 'flask-cors', 'import-linter', 'mcap-ros2-support', 'moto[s3]', 'onnx',
                 'pillow', 'pytest', 'pytest-xdist', 's3fs', 'selenium', 'webdataset'],
    },
    entry_points={
        'console_scripts': [
            'depth_node = depth_estimation_ros.cli:depth_node',
            'depth_estimation = depth_estimation_ros.cli:main',
        ],
    },
    zip_safe=False,  # weights are read by their path
)
