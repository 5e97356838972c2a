# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
What the command line takes: each command with its options, defaults and examples.

Nothing of it imports torch, OpenCV or ROS, which take seconds: `--help` does not wait.
"""
from __future__ import annotations

import argparse
from pathlib import Path
import textwrap

from depth_estimation_ros import __version__

PROGRAM = 'depth_estimation'
MODEL = 'compact'
DEMO_SEED = 3


def parser() -> argparse.ArgumentParser:
    """
    Return the parser of the whole command line.

    What it gives: `name`, the command as it is typed; `run`, MODULE:FUNCTION that does it, in this
    package; `sends`, whether it publishes pictures; and the arguments of that function.
    """
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description='Metric depth and point clouds from one camera.',
        epilog='depth_estimation COMMAND --help tells more of one, with examples.')
    parser.add_argument('--version', action='version', version=__version__)
    commands = parser.add_subparsers(required=True, metavar='COMMAND')

    demo = _command(commands, 'demo', 'commands.demo:run',
                    'generate a street, run the real node on it, leave pictures and a table',
                    'demo', 'demo --images 2011_09_26_drive_0052_sync --output mine',
                    'demo --images photos --camera-preset phone', sends=True)
    _model(demo)
    demo.add_argument('--images', default='', help='instead of a street: a KITTI raw drive, or a '
                      'folder of images with a camera.yaml (ROS camera_calibration format)')
    _camera_of(demo)
    demo.add_argument('--output', default=Path('demo'), type=Path, help='folder (default demo)')
    demo.add_argument('--rate', type=float, default=10.0, help='frames a second (default 10)')
    demo.add_argument('--seed', type=int, default=DEMO_SEED, help='another seed, another street')
    demo.add_argument('--frames', type=int, default=40, help='of the street (default 40)')
    _overwrite(demo)

    predict = _command(commands, 'predict', 'commands.predict:run',
                       'images or a film to depth PNG, colour picture, PLY cloud and film',
                       'predict film.mp4 --camera-preset phone', 'predict photo.jpg',
                       'predict photos --camera camera.yaml --output here',
                       'predict film.mp4 --fov 65 --write points,sheet --every 30')
    predict.add_argument('inputs', nargs='+', metavar='INPUT',
                         help='pictures, folders of pictures, KITTI raw drives, films')
    _model(predict)
    _device(predict)
    _metres(predict, 'beyond it is no depth')
    _camera_of(predict)
    predict.add_argument('--output', default=Path('depth'), type=Path,
                         help='folder (default depth)')
    _rotation(predict)
    _scene(predict)
    predict.add_argument('--write', type=lambda text: text.split(','), metavar='KINDS',
                         help='some of depth,color,points,sheet,film (default: film of a film, '
                         'the others of pictures)')
    predict.add_argument('--max-points', type=int, default=200_000,
                         help='of a cloud, thinned evenly')
    predict.add_argument('--frames', default=(0, None), type=_span, metavar='A:B',
                         help='of each input, from number A on to before B; numbers begin at 0 '
                         '(default: all)')
    predict.add_argument('--every', type=int, default=1, metavar='N', help='one frame of each N')
    predict.add_argument('--resume', action='store_true',
                         help='go on where the same command was interrupted')
    _overwrite(predict)

    view = _command(commands, 'view', 'commands.view:run',
                    'depth on a page in the browser, of a running node, '
                    'or of a film, pictures, a bag or a webcam',
                    'view', 'view film.mp4 --fov 65', 'view 0 --camera-preset logitech_c920',
                    'view street', "view --node '/depth_estimation: front'")
    view.add_argument('source', nargs='?', default='', help='a film, a picture, a folder of '
                      "pictures, a KITTI drive, a bag, or a webcam's number; default: what a "
                      'running node publishes')
    view.add_argument('--host', default='127.0.0.1', help='of the page (default 127.0.0.1: this '
                      'machine only; 0.0.0.0: everybody who reaches this machine)')
    view.add_argument('--port', type=int, default=8080, help='of the page (default 8080; 0: any)')
    view.add_argument('--node', default='', metavar='NAME', help='the running node, with its '
                      "namespace, or 'NODE: CAMERA' (default: the first that is heard)")
    _model(view)
    _device(view)
    _metres(view, 'beyond it is no depth')
    _scene(view)
    _rotation(view)
    _camera_of(view)
    view.add_argument('--image', default='', metavar='TOPIC',
                      help="the bag's pictures (default: its only image)")
    view.add_argument('--once', action='store_true', help='end with the recording')

    _annotate(commands)
    evaluate = _command(commands, 'evaluate', 'commands.evaluate:run',
                        'how good the depth of a model, or of a recording, is against truth',
                        'evaluate 2011_09_26_drive_0052_sync --output figures',
                        'evaluate photos --truth depth --truth-unit 1000 --camera camera.yaml',
                        'evaluate street',
                        'evaluate recording --depth-topic /depth/image_rect --truth street')
    evaluate.add_argument('source', help='a KITTI raw drive, the folder of its object or depth '
                          'benchmark, a folder of pictures (with --truth), or a bag')
    _model(evaluate)
    _device(evaluate, 'fp32')
    _metres(evaluate, 'truth that is farther does not count')
    _scene(evaluate)
    _camera_of(evaluate)
    evaluate.add_argument('--truth', default='', metavar='PATH',
                          help='folder of 16-bit depth PNGs, named as the pictures; or, for a '
                          'bag, the bag that has the truth')
    evaluate.add_argument('--truth-unit', type=float, default=0.0, metavar='STEPS',
                          help='their steps a metre: 256 in KITTI, 1000 in NYU')
    evaluate.add_argument('--crop', default='garg', choices=('garg', 'eigen', 'nyu', 'none'),
                          help='the part of a picture that counts: of KITTI papers (garg, eigen), '
                          'of NYU papers, or all (none)')
    evaluate.add_argument('--min-depth', type=float, default=1e-3, metavar='METRES',
                          help='truth that is nearer does not count')
    evaluate.add_argument('--depth-topic', default='', metavar='TOPIC',
                          help='judge this recorded depth of the bag instead of a model')
    evaluate.add_argument('--truth-topic', default='', metavar='TOPIC',
                          help="the bag's LiDAR cloud or true depth (default: its only cloud)")
    evaluate.add_argument('--image-topic', default='', metavar='TOPIC',
                          help="the bag's pictures (default: its only image)")
    evaluate.add_argument('--rectified', default='auto', choices=('auto', 'true', 'false'),
                          help="as the node's parameter: whether the pictures have no distortion "
                          '(default auto)')
    evaluate.add_argument('--output', type=Path, metavar='FOLDER',
                          help='write report.html, metrics.json and a picture sheet a frame')
    _overwrite(evaluate)

    setup = _command(commands, 'setup', 'commands.setup:run',
                     "a parameter file for a robot's camera by three questions, and what the node "
                     'makes of it', 'setup',
                     'setup --image /camera/image_raw --height 0.3 --scene room')
    setup.add_argument('--image', default='', metavar='TOPIC',
                       help='of the camera (default: asks, or takes the only one)')
    setup.add_argument('--height', type=float, metavar='METRES',
                       help='of the camera above the ground, 0 where it is not known (default: '
                       'asks)')
    setup.add_argument('--scene', default='', choices=('auto', 'street', 'room'),
                       help='what it sees (default: asks)')
    setup.add_argument('--output', default=Path('depth.yaml'), type=Path, help='parameter file')
    setup.add_argument('--seconds', type=float, default=5.0,
                       help='that the node is watched for')
    setup.add_argument('--overwrite', action='store_true',
                       help='replace a file that is there already')
    _calibration(commands)
    camera = _command(commands, 'camera', 'commands.camera:run',
                      'publish a film, a webcam or images as image and camera_info (takes '
                      '--ros-args -r image:=... last)',
                      'camera 0 --camera-preset logitech_c920', 'camera film.mp4 --fov 65',
                      'camera /dev/video0 --camera camera.yaml --ros-args -r '
                      'image:=/front/image_raw', sends=True)
    camera.add_argument('source', help='a film, a picture, a folder, a KITTI raw drive, a webcam '
                        '(0 or /dev/video0)')
    _camera_of(camera)
    camera.add_argument('--rate', type=float, default=0.0, metavar='HZ',
                        help="frames a second (default 0: the source's own)")
    camera.add_argument('--loop', action=argparse.BooleanOptionalAction, default=True,
                        help='begin again at the end (default)')
    camera.add_argument('--frame-id', default='camera', help='of the messages (default camera)')
    camera.add_argument('--compressed', action='store_true', help='JPEG on image/compressed')

    _bag(commands)
    _networks(commands)
    doctor = _command(commands, 'doctor', 'commands.doctor:report',
                      'print what a bug report needs: versions, device, DDS, topics',
                      'doctor', 'doctor --listen 10')
    doctor.add_argument('--listen', type=float, default=2.0, metavar='SECONDS',
                        help='how long to look for topics (default 2)')
    stats = _command(commands, 'stats', 'commands.stats:run',
                     'how fast and how fresh the running nodes are, each second until Ctrl-C',
                     'stats', 'stats /depth_estimation --once')
    stats.add_argument('node', nargs='?', default='', metavar='NODE', help='only this one')
    stats.add_argument('--once', action='store_true', help='one table and no more')
    stats.add_argument('--timeout', type=float, default=5.0, metavar='SECONDS',
                       help='how long to wait for a node (default 5)')
    return parser


def _annotate(commands) -> None:
    annotate = _command(commands, 'annotate', 'commands.annotate:run',
                        'write depth for recordings into recordings beside them, as the node '
                        'would publish it',
                        'annotate street --output depth',
                        'annotate shelf --output depth --params-file depth.yaml --jobs 2',
                        'annotate street --output depth --param range_topic:=/velodyne_points')
    annotate.add_argument('bags', nargs='+', metavar='BAG',
                          help='rosbag2 folders, .mcap or .db3 files, folders with those in them')
    annotate.add_argument('--output', required=True, metavar='DIR',
                          help='where the recordings with depth come; what an earlier run made '
                          'there of the same stays')
    annotate.add_argument('--image', dest='images', action='append', default=[], metavar='TOPIC',
                          help='of pictures, again for another camera (default: all that have a '
                          'camera_info beside them)')
    annotate.add_argument('--camera', default='', metavar='YAML',
                          help='calibration, for recordings without CameraInfo')
    annotate.add_argument('--params-file', default='', metavar='YAML',
                          help="the node's parameters (docs/parameters.md): model, scale, points")
    annotate.add_argument('--param', dest='parameters', action='append', default=[],
                          metavar='NAME:=VALUE', help='one of them, again for another')
    annotate.add_argument('--write', nargs='+', default=None, metavar='WHAT',
                          help='of depth, confidence, color and points (default: depth and '
                          'confidence)')
    annotate.add_argument('--depth-format', default='32FC1', metavar='FORMAT',
                          help='32FC1 (metres), or png or rvl: 16UC1 millimetres as '
                          'compressedDepth')
    annotate.add_argument('--merge', action='store_true',
                          help='one recording with all that was recorded and the depth, not one '
                          'with the depth alone')
    annotate.add_argument('--jobs', type=int, default=0, metavar='N',
                          help='processes that take one recording after the other (default: one; '
                          'with --ray all that have room)')
    annotate.add_argument('--ray', default='', metavar='ADDRESS',
                          help='of a Ray cluster, or auto: its machines take the recordings')
    annotate.add_argument('--shard', default='', metavar='I/N',
                          help='of N machines this is the I-th, from 1: it takes its share')
    annotate.add_argument('--overwrite', action='store_true',
                          help='make anew what this command made of other options')


def _bag(commands) -> None:
    bag = commands.add_parser('bag', help='make, replay, record and look into rosbag2 bags')
    actions = bag.add_subparsers(required=True, metavar='ACTION')

    kitti = _command(actions, 'from-kitti', 'commands.bag:of_kitti',
                     'make a bag of a KITTI raw drive',
                     'bag from-kitti 2011_09_26_drive_0052_sync drive')
    kitti.add_argument('folder', help='the drive, such as 2011_09_26_drive_0052_sync')
    kitti.add_argument('path', metavar='BAG', help='the bag to write')
    kitti.add_argument('--camera', type=int, default=2, choices=range(4), help='default 2')

    video = _command(actions, 'from-video', 'commands.bag:of_video',
                     'make a bag of a film or pictures',
                     'bag from-video film.mp4 drive --fov 65')
    video.add_argument('source', help='a film, a folder of pictures')
    video.add_argument('path', metavar='BAG', help='the bag to write')
    _camera_of(video)
    video.add_argument('--topic', default='/camera/image_raw', help='default /camera/image_raw')

    export = _command(actions, 'export', 'commands.bag_export:run',
                      'pictures and their depth for training, of a bag and of what annotate made',
                      'bag export street depth/street --output pairs',
                      'bag export street depth/street --output shards --layout webdataset')
    export.add_argument('pictures', type=Path, metavar='BAG', help='the bag with the pictures')
    export.add_argument('depth', type=Path, metavar='DEPTH', help='the bag with their depth')
    export.add_argument('--output', type=Path, required=True, metavar='DIR',
                        help='where the files come')
    export.add_argument('--layout', default='kitti', choices=('kitti', 'webdataset'),
                        help="kitti: that of KITTI's depth benchmark; webdataset: tar files")
    export.add_argument('--image', default='', metavar='TOPIC',
                        help='the pictures (default: the only ones that have depth)')
    export.add_argument('--pose-in', dest='frame', default='', metavar='FRAME',
                        help='write the pose of the camera in this frame, such as odom, by tf')
    export.add_argument('--per-shard', type=int, default=1000, metavar='N',
                        help='pairs in a tar file')
    _overwrite(export)

    synthesize = _command(actions, 'synthesize', 'commands.synthesize:run',
                          'make a bag of a generated drive, with exact depth',
                          'bag synthesize street',
                          'bag synthesize home --kind living --height 0.3',
                          'bag synthesize front --camera camera.yaml --kind jam --frames 100')
    synthesize.add_argument('path', metavar='BAG', help='the bag to write')
    synthesize.add_argument('--seed', type=int, default=0, help='another seed, another street')
    synthesize.add_argument('--frames', type=int, default=40, help='default 40')
    synthesize.add_argument('--rate', type=float, default=10.0, metavar='HZ', help='default 10')
    synthesize.add_argument('--size', default='', metavar='WxH',
                            help="default 640x192, in rooms 640x480, or the calibration's")
    synthesize.add_argument('--camera', default='', metavar='YAML',
                            help='calibration; all is seen as its rectified pictures')
    synthesize.add_argument('--fov', type=float, metavar='DEGREES',
                            help='horizontal field of view (default 82, where no --camera is)')
    synthesize.add_argument('--kind', default='', metavar='PLACE',
                            help="open, residential, narrow, avenue, jam, motorway, 'car park', "
                            'wood, village or square (default: one of these, by the seed); or '
                            "living, bedroom, kitchen, bathroom, office, corridor, hall, 'class "
                            "room', workshop, warehouse, shop, basement, garage, courtyard or "
                            'entrance')
    synthesize.add_argument('--speed', type=float, default=0.0, metavar='M/S',
                            help='default: what the place suggests')
    synthesize.add_argument('--height', type=float, metavar='METRES',
                            help='of the camera above the ground (default 1.65, in rooms 0.5)')
    synthesize.add_argument('--pitch', type=float, default=0.0, metavar='DEGREES',
                            help='down is positive')
    synthesize.add_argument('--roll', type=float, default=0.0, metavar='DEGREES',
                            help='of the camera; to the right is positive')
    synthesize.add_argument('--lidar', action=argparse.BooleanOptionalAction, default=True,
                            help='a simulated LiDAR too (default)')
    synthesize.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N (default cpu)')

    play = _command(actions, 'play', 'commands.bag:play', 'publish a bag, with /clock',
                    'bag play street', 'bag play street --rate 0.5 --loop', sends=True)
    play.add_argument('path', metavar='BAG', help='a folder, .mcap or .db3')
    play.add_argument('--rate', type=float, default=1.0, help='seconds of the bag a second')
    play.add_argument('--loop', action='store_true', help='begin again at the end')
    play.add_argument('--start', type=float, default=0.0, metavar='SECONDS',
                      help='after its first message')
    play.add_argument('--topics', nargs='+', metavar='TOPIC', help='only these')
    play.add_argument('--wait-for', nargs='+', default=(), metavar='TOPIC',
                      help='topics that must have a reader before the first message')
    play.add_argument('--reader', default='', metavar='NODE',
                      help='which must be this node, such as /depth_estimation')
    play.add_argument('--answered', nargs=2, metavar=('IMAGE', 'TOPIC'),
                      help='before the next picture wait for the message on TOPIC that has the '
                      "last one's stamp; exit code 1 where one has none")

    record = _command(actions, 'record', 'commands.bag:record',
                      'write what is published into a bag',
                      'bag record recording /depth/image_rect /depth/camera_info --seconds 10')
    record.add_argument('path', metavar='BAG', help='the bag to write')
    record.add_argument('topics', nargs='+', metavar='TOPIC', help='absolute names')
    record.add_argument('--seconds', type=float, help='default: until Ctrl-C')

    info = _command(actions, 'info', 'drives.bag:info', 'what is in a bag', 'bag info street')
    info.add_argument('path', metavar='BAG', help='a folder, .mcap or .db3')


def _scene(command) -> None:
    command.add_argument('--scene', default='auto', choices=('auto', 'street', 'room'),
                         help='what the pictures show, for a model with a network for each; '
                         'auto: finds out (default: auto)')


def _rotation(command) -> None:
    command.add_argument('--rotation', type=int, default=0, choices=(0, 90, 180, 270),
                         help='degrees clockwise by which the pictures are turned to stand '
                         'upright, as the network sees them; the depth stays as they are')


def _calibration(commands) -> None:
    calibrate = _command(commands, 'calibrate', 'commands.calibrate:run',
                         'measure the scale of a model with boards at taped distances, or with '
                         'the ground, into a parameter file for the node',
                         'calibrate --image photo.jpg --distance 2',
                         'calibrate --image /camera/image_raw --distance 1 --distance 2',
                         'calibrate --bag near --bag far --distance 1.5 --distance 4',
                         'calibrate --bag street --height 1.65')
    calibrate.add_argument('--distance', action='append', type=float, default=[],
                           metavar='METRES', help='of a board or wall that faces the camera, '
                           'along the optical axis (Z, not the slant); again for each board')
    calibrate.add_argument('--height', type=float, default=0.0, metavar='METRES',
                           help='of the camera above the flat ground that it sees; instead of '
                           'boards')
    calibrate.add_argument('--pitch', type=float, default=0.0, metavar='DEGREES',
                           help='of the camera with --height, right to a few; down is positive '
                           '(default 0)')
    calibrate.add_argument('--image', default='', metavar='TOPIC|FILE',
                           help='of the live camera (several boards: Enter for each), or in the '
                           'bag (default: its only one); or a photo')
    _camera_of(calibrate, 'of a photo: ')
    calibrate.add_argument('--bag', action='append', default=[], metavar='BAG',
                           help='instead of a live camera; again for each board, or one for all')
    calibrate.add_argument('--board', action='append', default=[], type=int, nargs=4,
                           metavar=('X', 'Y', 'WIDTH', 'HEIGHT'),
                           help='where it is, in rectified pixels (default: a square of a '
                           "sixteenth of the picture's width, in its middle); again for each, "
                           'which are then seen at once')
    calibrate.add_argument('--camera-info', default='', metavar='TOPIC',
                           help='default: beside the image')
    calibrate.add_argument('--rectified', default='auto', choices=('auto', 'true', 'false'),
                           help="as the node's parameter: whether the pictures have no distortion "
                           '(default auto)')
    _rotation(calibrate)
    _scene(calibrate)
    _model(calibrate)
    _device(calibrate)
    calibrate.add_argument('--frames', type=int, default=30, help='of a board (default 30)')
    calibrate.add_argument('--timeout', type=float, default=10.0, metavar='SECONDS',
                           help='to wait for a live image (default 10)')
    calibrate.add_argument('--output', default=Path('calibration.yaml'), type=Path,
                           help='parameter file (default calibration.yaml)')
    calibrate.add_argument('--overwrite', action='store_true',
                           help='replace a file that is there already')


def _networks(commands) -> None:
    networks = _command(commands, 'models', 'commands.models:table',
                        'the networks there are, and their weights',
                        'models', 'models show compact', 'models fetch rt_monodepth_s')
    actions = networks.add_subparsers(metavar='ACTION')
    show = _command(actions, 'show', 'commands.models:show', 'all that is known of a network',
                    'models show compact')
    show.add_argument('model', metavar='NAME', help='of the table').completer = _models
    fetch = _command(actions, 'fetch', 'commands.models:fetch', 'fetch the weights of a network',
                     'models fetch depth_anything_v2_metric_indoor_small')
    fetch.add_argument('model', metavar='NAME',
                       help='of the table, or huggingface:ID').completer = _models
    fetch.add_argument('--from', dest='source', type=Path, metavar='FILE',
                       help='a file or folder that was fetched on another machine')
    fetch.add_argument('--accept-license', action='store_true',
                       help='of weights that are not for commercial use, or whose licence is not '
                       'known here')


def _models(**_) -> list[str]:
    """Complete the name of a network."""
    from depth_estimation_ros.models.catalogue import CATALOGUE
    return list(CATALOGUE)


def _presets(**_) -> list[str]:
    """Complete the name of a camera."""
    from depth_estimation_ros.drives.presets import PRESETS
    return list(PRESETS)


class _Help(argparse.RawDescriptionHelpFormatter):
    """Adds the default to what an option says, where it has one and does not say it itself."""

    def _get_help_string(self, action: argparse.Action) -> str:
        said = action.help or ''
        if action.default in (None, '', False, [], (), argparse.SUPPRESS) or 'default' in said:
            return said
        return f'{said} (default %(default)s)'


def _command(commands, name: str, run: str, text: str, *examples: str,
             sends: bool = False) -> argparse.ArgumentParser:
    """Add a command; examples: command lines, without the program's name."""
    epilog = '\n'.join(['examples:', *(f'  {PROGRAM} {line}' for line in examples)])
    command = commands.add_parser(name, help=text, description=textwrap.fill(text, 79),
                                  formatter_class=_Help,
                                  epilog=epilog if examples else None)
    command.set_defaults(name=command.prog.removeprefix(f'{PROGRAM} '), run=run, sends=sends)
    return command


def _model(command: argparse.ArgumentParser) -> None:
    command.add_argument('--model', default=MODEL, help="of 'depth_estimation models', "
                         f'huggingface:ID or onnx:FILE (default {MODEL})').completer = _models
    command.add_argument('--weights', default='',
                         help='checkpoint: a folder, a file in it or a zip (default: what came '
                         'with the package or was fetched)')
    command.add_argument('--input-size', default='auto', metavar='WxH',
                         help="of the network (default auto: the network's own)")


def _device(command: argparse.ArgumentParser, precision: str = 'auto') -> None:
    command.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    command.add_argument('--precision', default=precision, help='auto, fp32 (in which published '
                         'figures are), fp16 or bf16')


def _metres(command: argparse.ArgumentParser, farther: str) -> None:
    command.add_argument('--depth-scale', type=float, default=0.0, metavar='METRES',
                         help="metres per model unit (default 0: the model's contract); of "
                         'relative inverse depth 1 / Z = this * value')
    command.add_argument('--max-depth', type=float, default=80.0, metavar='METRES', help=farther)


def _overwrite(command: argparse.ArgumentParser) -> None:
    command.add_argument('--overwrite', action='store_true',
                         help='replace files of the same names that this command did not make')


def _span(text: str) -> tuple[int, int | None]:
    """Return the two numbers of 'A:B', of which each may be missing."""
    first, colon, last = text.partition(':')
    if not colon:
        raise ValueError(text)
    return int(first or 0), int(last) if last else None


def _camera_of(command: argparse.ArgumentParser, of: str = '') -> None:
    known = command.add_mutually_exclusive_group()
    known.add_argument('--camera', default='', metavar='YAML',
                       help=f'{of}calibration, as camera_calibration writes it')
    known.add_argument('--camera-preset', dest='camera', type='preset:{}'.format, metavar='NAME',
                       help=f'{of}a well-known camera, such as phone, realsense_d435, oak_d, '
                       'zed_hd720, pi_camera_v3 or logitech_c920').completer = _presets
    known.add_argument('--fov', type=float, default=0.0, metavar='DEGREES',
                       help=f'{of}horizontal field of view, a guess instead of a calibration')
