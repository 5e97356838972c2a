# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The command line, `depth_estimation COMMAND`, and the start of the node.

Torch and ROS take seconds to import: each command imports what it needs when it is chosen.
"""
from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path
import signal
import sys

from depth_estimation_ros import __version__

MODEL = 'compact'
DEMO_SEED = 3


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error that a user can mend is one line on stderr and exit code 1."""
    chosen, ros_arguments = _split(sys.argv[1:] if arguments is None else arguments)
    chosen = vars(_parser().parse_args(chosen))
    name, run = chosen.pop('name'), chosen.pop('run')
    if name == 'camera':
        chosen['ros_arguments'] = ros_arguments
    with contextlib.suppress(ValueError):  # not in a thread
        for number in _ends():  # SIGINT too, which the shell of a script lets `... &` ignore
            signal.signal(number, signal.default_int_handler)  # half a file is removed
    try:
        said = run(**chosen)
    except ModuleNotFoundError as error:
        print(f'depth_estimation {name}: {error}, see docs/install.md; what only the command line '
              "needs comes with: pip install 'depth_estimation_ros[cli]'", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `| head` has read what it wanted
        return _quiet_end()
    except (ValueError, OSError) as error:
        print(f'depth_estimation {name}: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt as end:  # the usual end of what has none of its own
        if str(end):  # what became of the files
            print(end)
        return 0 if name in ('camera', 'play', 'record', 'stats', 'view') else 130
    try:
        if said is not None:
            print(said)
        sys.stdout.flush()
    except BrokenPipeError:
        return _quiet_end()
    return 0


def _ends() -> tuple[int, ...]:
    """Return the signals that end a process; a terminal's end does not where nohup says so."""
    nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return signal.SIGINT, signal.SIGTERM, *(() if nohup else (signal.SIGHUP,))


def _quiet_end() -> int:
    """Let nothing more be written to a reader that is gone; what was asked for is done."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part what is for ROS (`--ros-args ...`) from the rest."""
    at = arguments.index('--ros-args') if '--ros-args' in arguments else len(arguments)
    return arguments[:at], arguments[at:]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='depth_estimation', description='Metric depth and point clouds from one camera.')
    parser.add_argument('--version', action='version', version=__version__)
    commands = parser.add_subparsers(required=True, metavar='COMMAND')

    demo = _command(commands, 'demo', _demo,
                    'generate a street, run the real node on it, leave pictures and a table')
    _model(demo)
    demo.add_argument('--images', default='', help='instead of a street: a KITTI raw drive, or a '
                      'folder of images with a camera.yaml (ROS camera_calibration format)')
    _camera_of(demo)
    demo.add_argument('--output', default=Path('demo'), type=Path, help='folder (default demo)')
    demo.add_argument('--rate', type=float, default=10.0, help='frames a second (default 10)')
    demo.add_argument('--seed', type=int, default=DEMO_SEED, help='another seed, another street')
    demo.add_argument('--frames', type=int, default=40, help='of the street (default 40)')
    _overwrite(demo)

    predict = _command(commands, 'predict', _predict,
                       'images or a film to depth PNG, colour picture, PLY cloud and film')
    predict.add_argument('inputs', nargs='+', metavar='INPUT',
                         help='pictures, folders of pictures, KITTI raw drives, films')
    _model(predict)
    _camera_of(predict)
    predict.add_argument('--output', default=Path('depth'), type=Path,
                         help='folder (default depth)')
    predict.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    predict.add_argument('--precision', default='auto', help='auto, fp32, fp16 or bf16')
    predict.add_argument('--depth-scale', type=float, default=0.0, metavar='METRES',
                         help="metres per model unit (default 0: the model's contract); of "
                         'relative inverse depth 1 / Z = this * value')
    predict.add_argument('--max-depth', type=float, default=80.0, metavar='METRES')
    _rotation(predict)
    _scene(predict)
    predict.add_argument('--write', type=lambda text: text.split(','), metavar='KINDS',
                         help='some of depth,color,points,sheet,film (default: film of a film, '
                         'the others of pictures)')
    predict.add_argument('--max-points', type=int, default=200_000, help='of a cloud')
    predict.add_argument('--frames', default=(0, None), type=_span, metavar='A:B',
                         help='of each input, from number A on to before B; numbers begin at 0')
    predict.add_argument('--every', type=int, default=1, metavar='N', help='one frame of N')
    predict.add_argument('--resume', action='store_true',
                         help='go on where the same command was interrupted')
    _overwrite(predict)

    view = _command(commands, 'view', _view, 'depth on a page in the browser, of a running node, '
                    'or of a film, pictures, a bag or a webcam')
    view.add_argument('source', nargs='?', default='', help='a film, a picture, a folder of '
                      "pictures, a KITTI drive, a bag, or a webcam's number; default: what a "
                      'running node publishes')
    view.add_argument('--host', default='127.0.0.1', help='of the page (default 127.0.0.1: this '
                      'machine only; 0.0.0.0: everybody who reaches this machine)')
    view.add_argument('--port', type=int, default=8080, help='of the page (default 8080; 0: any)')
    view.add_argument('--node', default='', metavar='NAME', help='the running node, with its '
                      "namespace, or 'NODE: CAMERA' (default: the first that is heard)")
    _model(view)
    _scene(view)
    _rotation(view)
    _camera_of(view)
    view.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    view.add_argument('--precision', default='auto', help='auto, fp32, fp16 or bf16')
    view.add_argument('--image', default='', metavar='TOPIC',
                      help="the bag's pictures (default: its only image)")
    view.add_argument('--depth-scale', type=float, default=0.0, metavar='METRES',
                      help="metres per model unit (default 0: the model's contract)")
    view.add_argument('--max-depth', type=float, default=80.0, metavar='METRES')
    view.add_argument('--once', action='store_true', help='end with the recording')

    evaluate = _command(commands, 'evaluate', _evaluate,
                        'how good the depth of a model, or of a recording, is against truth')
    evaluate.add_argument('source', help='a KITTI raw drive, the folder of its object or depth '
                          'benchmark, a folder of pictures (with --truth), or a bag')
    _model(evaluate)
    _scene(evaluate)
    _camera_of(evaluate)
    evaluate.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    evaluate.add_argument('--precision', default='fp32', help='fp32 (default), in which published '
                          'figures are, auto, fp16 or bf16')
    evaluate.add_argument('--truth', default='', metavar='PATH',
                          help='folder of 16-bit depth PNGs, named as the pictures; or, for a '
                          'bag, the bag that has the truth')
    evaluate.add_argument('--truth-unit', type=float, default=0.0, metavar='STEPS',
                          help='their steps a metre: 256 in KITTI, 1000 in NYU')
    evaluate.add_argument('--crop', default='garg', choices=('garg', 'eigen', 'nyu', 'none'))
    evaluate.add_argument('--min-depth', type=float, default=1e-3, metavar='METRES')
    evaluate.add_argument('--max-depth', type=float, default=80.0, metavar='METRES')
    evaluate.add_argument('--depth-scale', type=float, default=0.0, metavar='METRES',
                          help="metres per model unit (default 0: the model's contract); of "
                          'relative inverse depth 1 / Z = this * value')
    evaluate.add_argument('--depth-topic', default='', metavar='TOPIC',
                          help='judge this recorded depth of the bag instead of a model')
    evaluate.add_argument('--truth-topic', default='', metavar='TOPIC',
                          help="the bag's LiDAR cloud or true depth (default: its only cloud)")
    evaluate.add_argument('--image-topic', default='', metavar='TOPIC',
                          help="the bag's pictures (default: its only image)")
    evaluate.add_argument('--rectified', default='auto', choices=('auto', 'true', 'false'),
                          help="as the node's parameter")
    evaluate.add_argument('--output', type=Path, metavar='FOLDER',
                          help='write metrics.json and a picture sheet a frame')
    _overwrite(evaluate)

    _calibration(commands)
    camera = _command(commands, 'camera', _camera,
                      'publish a film, a webcam or images as image and camera_info (takes '
                      '--ros-args -r image:=... last)')
    camera.add_argument('source', help='a film, a picture, a folder, a KITTI raw drive, a webcam '
                        '(0 or /dev/video0)')
    _camera_of(camera)
    camera.add_argument('--rate', type=float, default=0.0, metavar='HZ',
                        help="frames a second (default 0: the source's own)")
    camera.add_argument('--loop', action=argparse.BooleanOptionalAction, default=True)
    camera.add_argument('--frame-id', default='camera', help='of the messages (default camera)')
    camera.add_argument('--compressed', action='store_true', help='JPEG on image/compressed')

    _bag(commands)
    _networks(commands)
    doctor = _command(commands, 'doctor', _doctor,
                      'print what a bug report needs: versions, device, DDS, topics')
    doctor.add_argument('--listen', type=float, default=2.0, metavar='SECONDS',
                        help='how long to look for topics (default 2)')
    stats = _command(commands, 'stats', _stats,
                     'how fast and how fresh the running nodes are, each second until Ctrl-C')
    stats.add_argument('node', nargs='?', default='', metavar='NODE', help='only this one')
    stats.add_argument('--once', action='store_true', help='one table and no more')
    stats.add_argument('--timeout', type=float, default=5.0, metavar='SECONDS',
                       help='how long to wait for a node (default 5)')
    return parser


def _bag(commands) -> None:
    bag = commands.add_parser('bag', help='make, replay, record and look into rosbag2 bags')
    actions = bag.add_subparsers(required=True, metavar='ACTION')

    kitti = _command(actions, 'from-kitti', _bag_from_kitti, 'make a bag of a KITTI raw drive')
    kitti.add_argument('folder', help='the drive, such as 2011_09_26_drive_0052_sync')
    kitti.add_argument('path', metavar='BAG', help='the bag to write')
    kitti.add_argument('--camera', type=int, default=2, choices=range(4), help='default 2')

    video = _command(actions, 'from-video', _bag_from_video, 'make a bag of a film or pictures')
    video.add_argument('source', help='a film, a folder of pictures')
    video.add_argument('path', metavar='BAG', help='the bag to write')
    _camera_of(video)
    video.add_argument('--topic', default='/camera/image_raw', help='default /camera/image_raw')

    synthesize = _command(actions, 'synthesize', _bag_synthesize,
                          'make a bag of a generated drive, with exact depth')
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
    synthesize.add_argument('--roll', type=float, default=0.0, metavar='DEGREES')
    synthesize.add_argument('--lidar', action=argparse.BooleanOptionalAction, default=True,
                            help='a simulated LiDAR too')
    synthesize.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N')

    play = _command(actions, 'play', _bag_play, 'publish a bag, with /clock')
    play.add_argument('path', metavar='BAG')
    play.add_argument('--rate', type=float, default=1.0, help='seconds of the bag a second')
    play.add_argument('--loop', action='store_true')
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

    record = _command(actions, 'record', _bag_record, 'write what is published into a bag')
    record.add_argument('path', metavar='BAG', help='the bag to write')
    record.add_argument('topics', nargs='+', metavar='TOPIC', help='absolute names')
    record.add_argument('--seconds', type=float, help='default: until Ctrl-C')

    info = _command(actions, 'info', _bag_info, 'what is in a bag')
    info.add_argument('path', metavar='BAG')


def _scene(command) -> None:
    command.add_argument('--scene', default='auto', choices=('auto', 'street', 'room'),
                         help='what the pictures show, for a model with a network for each; '
                         'auto: finds out (default: auto)')


def _rotation(command) -> None:
    command.add_argument('--rotation', type=int, default=0, choices=(0, 90, 180, 270),
                         help='degrees clockwise by which the pictures are turned to stand '
                         'upright, as the network sees them; the depth stays as they are')


def _calibration(commands) -> None:
    calibrate = _command(commands, 'calibrate', _calibrate,
                         'measure the scale of a model with boards at taped distances, into a '
                         'parameter file for the node')
    calibrate.add_argument('--distance', action='append', type=float, required=True,
                           metavar='METRES', help='of a board or wall that faces the camera, '
                           'along the optical axis (Z, not the slant); again for each board')
    calibrate.add_argument('--image', default='', metavar='TOPIC',
                           help="of the live camera (several boards: Enter for each), or in the "
                           'bag (default: its only one)')
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
                           help="as the node's parameter")
    _rotation(calibrate)
    _scene(calibrate)
    _model(calibrate)
    calibrate.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    calibrate.add_argument('--precision', default='auto', help='auto, fp32, fp16 or bf16')
    calibrate.add_argument('--frames', type=int, default=30, help='of a board (default 30)')
    calibrate.add_argument('--timeout', type=float, default=10.0, metavar='SECONDS',
                           help='to wait for a live image (default 10)')
    calibrate.add_argument('--output', default=Path('calibration.yaml'), type=Path,
                           help='parameter file (default calibration.yaml)')
    calibrate.add_argument('--overwrite', action='store_true', help='a file that is there already')


def _networks(commands) -> None:
    networks = _command(commands, 'models', _models_table,
                        'the networks there are, and their weights')
    actions = networks.add_subparsers(metavar='ACTION')
    show = _command(actions, 'show', _models_show, 'all that is known of a network')
    show.add_argument('model', metavar='NAME')
    fetch = _command(actions, 'fetch', _models_fetch, 'fetch the weights of a network')
    fetch.add_argument('model', metavar='NAME', help='of the table, or huggingface:<id>')
    fetch.add_argument('--from', dest='source', type=Path, metavar='FILE',
                       help='a file or folder that was fetched on another machine')
    fetch.add_argument('--accept-license', action='store_true',
                       help='of weights that are not for commercial use, or whose licence is not '
                       'known here')


def _command(commands, name: str, run, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(name=name, run=run)
    return command


def _model(command: argparse.ArgumentParser) -> None:
    command.add_argument('--model', default=MODEL, help=f'default {MODEL}')
    command.add_argument('--weights', default='',
                         help='checkpoint: a folder, a file in it or a zip (default: what came '
                         'with the package or was fetched)')
    command.add_argument('--input-size', default='auto', metavar='WxH',
                         help="of the network (default auto: the network's own)")


def _overwrite(command: argparse.ArgumentParser) -> None:
    command.add_argument('--overwrite', action='store_true',
                         help='replace files of the same names that this command did not make')


def _span(text: str) -> tuple[int, int | None]:
    """Return the two numbers of 'A:B', of which each may be missing."""
    first, colon, last = text.partition(':')
    if not colon:
        raise ValueError(text)
    return int(first or 0), int(last) if last else None


def _camera_of(command: argparse.ArgumentParser) -> None:
    command.add_argument('--camera', default='', metavar='YAML',
                         help='calibration, as camera_calibration writes it')
    command.add_argument('--fov', type=float, default=0.0, metavar='DEGREES',
                         help='horizontal field of view, a guess instead of a calibration')


def _send_images() -> None:
    """Give Fast DDS room for images; before rclpy is imported."""
    from depth_estimation_ros.node.dds import dds_profile
    os.environ.update(dds_profile(os.environ)[0])


def _demo(**chosen) -> str:
    _send_images()
    from depth_estimation_ros.commands.demo import run
    return run(**chosen)


def _predict(**chosen) -> str:
    from depth_estimation_ros.commands.predict import run
    return run(**chosen)


def _view(**chosen) -> None:
    from depth_estimation_ros.commands.view import run
    run(**chosen)


def _evaluate(**chosen) -> str:
    from depth_estimation_ros.commands.evaluate import run
    return run(**chosen)


def _calibrate(**chosen) -> str:
    from depth_estimation_ros.commands.calibrate import run
    return run(**chosen)


def _camera(**chosen) -> None:
    _send_images()
    from depth_estimation_ros.commands.camera import run
    run(**chosen)


def _doctor(listen: float) -> str:
    from depth_estimation_ros.commands.doctor import report
    return report(listen)


def _stats(**chosen) -> None:
    from depth_estimation_ros.commands.stats import run
    run(**chosen)


def _models_table() -> str:
    from depth_estimation_ros.commands.models import table
    return table()


def _models_show(model: str) -> str:
    from depth_estimation_ros.commands.models import show
    return show(model)


def _models_fetch(model: str, source: Path | None, accept_license: bool) -> str:
    from depth_estimation_ros.commands.models import fetch
    return fetch(model, source, accept_license)


def _bag_from_kitti(**chosen) -> str:
    from depth_estimation_ros.commands.bag import of_kitti
    return of_kitti(**chosen)


def _bag_from_video(**chosen) -> str:
    from depth_estimation_ros.commands.bag import of_video
    return of_video(**chosen)


def _bag_synthesize(**chosen) -> str:
    from depth_estimation_ros.commands.synthesize import run
    return run(**chosen)


def _bag_play(**chosen) -> str:
    _send_images()
    from depth_estimation_ros.commands.player import play
    played = play(**chosen)
    if played.unanswered:
        raise ValueError(str(played))
    return str(played)


def _bag_record(**chosen) -> str:
    from depth_estimation_ros.commands.bag import record
    return record(**chosen)


def _bag_info(path: str) -> str:
    from depth_estimation_ros.drives.bag import info
    return info(path)


NODE_HELP = """usage: depth_node [--ros-args ...]

The lifecycle node: it turns the pictures of a camera into depth images and point clouds.

  depth_node --ros-args -r image:=/camera/image_raw   the camera; its camera_info is beside it
  depth_node --ros-args -p model:=compact             a parameter; docs/parameters.md lists all
  depth_node --ros-args --params-file FILE            those of a file, under depth_estimation:

With launch files: ros2 launch depth_estimation_ros depth.launch.py image:=/camera/image_raw"""


def depth_node() -> int:
    """Start the node. Its imports take seconds: what ends it then is as good as later."""
    if {'-h', '--help'} & set(sys.argv[1:]):
        print(NODE_HELP)
        return 0
    for number in _ends():
        signal.signal(number, lambda *_: os._exit(0))
    try:
        from depth_estimation_ros.node.main import main as run
    except ModuleNotFoundError as error:
        print(f'depth_node: {error} for {sys.executable}: install it there, or activate the '
              'virtual environment that has it (docs/install.md)', file=sys.stderr)
        return 1
    return run(signals=_ends())


if __name__ == '__main__':
    sys.exit(main())
