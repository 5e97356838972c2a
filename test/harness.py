# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The real node in a process of its own, and a robot around it, over real DDS."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import ctypes
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from domains import free_domain, release
from lifecycle_msgs.srv import ChangeState, GetState
import numpy as np
from rcl_interfaces.srv import GetParameters, SetParameters
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
OUTPUTS = {'depth/image_rect': Image, 'depth/camera_info': CameraInfo,
           'depth/image_color': Image, 'points': PointCloud2}
DIAGNOSTICS_PERIOD = 0.1  # seconds; the node's own is one, for which half of all tests would wait
AGAIN = 0.5  # seconds until an image that is not answered is sent once more
# The server has imported torch, which takes most of a node's start, and forks.
FORKS = multiprocessing.get_context('forkserver')
FORKS.set_forkserver_preload([
    'depth_estimation_ros.node.main', 'depth_estimation_ros.commands.predict'])


class NodeProcess:
    """
    `depth_node` with `parameters` in a file and its log in another.

    Each has a DDS domain of its own, so that several may run; none compiles its network, unless
    `parameters` say so. `typed` starts it as a user does, which takes two seconds more: for tests
    of the start and the end. `code` is Python that is run for it.
    """

    def __init__(self, parameters: dict, arguments: list[str] | None = None,
                 environment: dict[str, str] | None = None, typed: bool = False,
                 code: str = ''):
        self._folder = tempfile.TemporaryDirectory(prefix='depth_node_')
        folder = pathlib.Path(self._folder.name)
        file = folder / 'parameters.yaml'
        file.write_text(yaml.safe_dump({'/**': {'ros__parameters': {
            'compile': False, **parameters}}}))
        self.domain = free_domain()
        self._holds = True
        self._log = folder / 'log.txt'
        self._log.touch()
        arguments = ['--ros-args', '--params-file', str(file), *(arguments or [])]
        environment = {'ROS_DOMAIN_ID': str(self.domain), **(environment or {})}
        start = ['-c', code] if code else ['-m', 'depth_estimation_ros'] if typed else []
        self.process = (_typed if start else Forked)([*start, *arguments], environment, self._log)

    @property
    def log(self) -> str:
        """Everything that the node has said."""
        return self._log.read_text()

    def wait_for(self, text: str, timeout: float = 60.0) -> None:
        """Wait until the log holds `text`."""
        wait(lambda: text in self.log or self.process.poll() is not None, timeout,
             lambda: f'{text!r} never came in the log:\n{self.log}')
        assert text in self.log, f'the node ended with {self.process.returncode}:\n{self.log}'

    def resident_memory(self) -> float:
        """Return the memory of the process in MiB."""
        status = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
        return int(status.split('VmRSS:')[1].split()[0]) / 1024

    def interrupt(self, times: int = 1) -> int:
        """Press Ctrl-C and return the exit code."""
        for _ in range(times):
            self.process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        return self.process.wait(20)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self._holds:
            self._holds = False
            release(self.domain)


def _typed(arguments: list[str], environment: dict[str, str], log: pathlib.Path):
    with log.open('w') as stream:
        return subprocess.Popen(
            [sys.executable, *arguments], stdout=stream,
            stderr=subprocess.STDOUT, cwd=REPOSITORY, preexec_fn=_die_with_the_tests,
            env={**os.environ, **environment})


class Forked:
    """The node in a process that is forked, with those methods of a Popen that are used."""

    def __init__(self, *arguments):
        self._process = FORKS.Process(target=_be_the_node, args=arguments, daemon=True)
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired('depth_node', timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _be_the_node(arguments: list[str], environment: dict[str, str], log: pathlib.Path) -> None:
    _die_with_the_tests()
    os.chdir(REPOSITORY)
    os.environ.update(environment)
    _redirect(1, log)
    _redirect(2, log)
    from depth_estimation_ros.node import main, node
    node.DIAGNOSTICS_PERIOD = DIAGNOSTICS_PERIOD
    sys.argv = ['depth_node', *arguments]
    sys.exit(main.main())


def command(*arguments, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Type `depth_estimation ARGUMENTS`, but forked, and return what came of it."""
    with tempfile.TemporaryDirectory(prefix='command_') as folder:
        out, err = pathlib.Path(folder, 'out'), pathlib.Path(folder, 'err')
        process = FORKS.Process(target=be_the_command, args=(
            [str(a) for a in arguments], out, err, environment or {}))
        process.start()
        process.join(120)
        assert process.exitcode is not None, f'{arguments} did not end: {err.read_text()}'
        return subprocess.CompletedProcess(
            arguments, process.exitcode, out.read_text(), err.read_text())


def be_the_command(arguments: list[str], out: pathlib.Path, err: pathlib.Path,
                   environment: dict[str, str]) -> None:
    """Be `depth_estimation`, its output in two files, in a forked process."""
    _die_with_the_tests()
    os.chdir(REPOSITORY)
    os.environ.update(environment)
    _redirect(1, out)
    _redirect(2, err)
    from depth_estimation_ros import cli
    sys.exit(cli.main(arguments))


def _redirect(descriptor: int, path: pathlib.Path) -> None:
    with path.open('ab') as stream:  # both may be one file
        os.dup2(stream.fileno(), descriptor)


def _die_with_the_tests() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, Linux


class Robot:
    """
    A camera driver that publishes, readers that collect by stamp, and an operator.

    With `camera`, the name of one of the node's, all of that one only.
    """

    def __init__(self, node: NodeProcess, outputs=tuple(OUTPUTS), namespace: str = '',
                 image: str = 'image', info: str = 'camera_info', image_type=Image,
                 image_qos=None, info_qos=None, camera: str = ''):
        self.process = node
        prefix = f'{camera}/' if camera else ''
        self.context = Context()
        rclpy.init(context=self.context, domain_id=node.domain)
        self.node = rclpy.create_node('robot', namespace=namespace, context=self.context)
        self.received: dict[str, dict[int, object]] = defaultdict(dict)
        self.order: dict[str, list[int]] = defaultdict(list)
        self.arrived: dict[str, list[float]] = defaultdict(list)
        self.diagnostics: list = []
        reliable = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
        self.image_publisher = self.node.create_publisher(
            image_type, prefix + image, image_qos or reliable)
        self.info_publisher = self.node.create_publisher(
            CameraInfo, prefix + info, info_qos or reliable)
        self.subscriptions = {
            topic: self.node.create_subscription(
                OUTPUTS[topic], prefix + topic,
                lambda m, topic=topic: self._collect(topic, m), reliable)
            for topic in outputs}
        self.node.create_subscription(
            DiagnosticArray, '/diagnostics', lambda m: self.diagnostics.extend(
                s for s in m.status if s.name.partition(': ')[2] == camera), 10)
        self._clients = {}
        self._info: CameraInfo | None = None
        self._served = False
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except rclpy.executors.ExternalShutdownException:
            pass

    def _collect(self, topic: str, message) -> None:
        stamp = nanoseconds(message.header.stamp)
        self.received[topic][stamp] = message
        self.order[topic].append(stamp)
        self.arrived[topic].append(time.time())

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self._thread.join(5)
        self.node.destroy_node()
        self.context.try_shutdown()

    def forget(self) -> None:
        """Forget what was received."""
        for store in (self.received, self.order, self.arrived):
            store.clear()
        self.diagnostics.clear()

    # -- as a driver --

    def wait_for_node(self) -> None:
        """
        Wait until the node reads the camera and each wanted output has its publisher.

        That is this side of the matches. The node's own may be missing still, so that it does not
        hear a message or finds nobody who reads the depth: `wait_message` sees to that.
        """
        def ready() -> bool:
            assert self.process.process.poll() is None, self.process.log
            return self._matched()

        wait(ready, 60, lambda: f'the node did not come up:\n{self.process.log}')
        # DDS delivers late what comes too early, but then seconds late.
        time.sleep(0.2)
        self._served = False

    def _matched(self) -> bool:
        return (self.image_publisher.get_subscription_count() > 0
                and self.info_publisher.get_subscription_count() > 0
                and all(self.node.count_publishers(s.topic_name)
                for s in self.subscriptions.values()))

    def send_info(self, info: CameraInfo | None) -> None:
        """
        Publish a CameraInfo, which comes before the images that are sent after it.

        DDS keeps the order of one sender, and the executor that of the subscriptions.
        """
        self._info = info
        if info is not None:
            self.info_publisher.publish(info)
            time.sleep(0.03)  # where a new subscription has changed that order

    def send(self, image, stamp: int | None = None) -> int:
        """Publish an image under `stamp` (ns; default: now) and return it."""
        stamp = time.time_ns() if stamp is None else stamp
        image.header.stamp = Time(sec=stamp // 10**9, nanosec=stamp % 10**9)
        self.image_publisher.publish(image)
        self._sent = image, stamp
        return stamp

    def ask(self, image, topic: str = 'depth/image_rect', timeout: float = 15.0,
            stamp: int | None = None):
        """Publish an image and return the message on `topic` that has its stamp."""
        return self.wait_message(topic, self.send(image, stamp), timeout)

    def wait_message(self, topic: str, stamp: int, timeout: float = 15.0):
        """
        Return the message on `topic` with that stamp.

        The first image after `wait_for_node` is published again and again, as a camera goes on,
        until each wanted output has come: then all are matched. Every later one has one chance.
        """
        if not self._served:
            self._go_on(timeout)
        wait(lambda: stamp in self.received[topic], timeout,
             lambda: f'nothing came on {topic} for that stamp; {self._said()}')
        return self.received[topic][stamp]

    def _go_on(self, timeout: float) -> None:
        image, stamp = self._sent
        again = time.monotonic() + AGAIN

        def missing() -> list[str]:
            return [topic for topic in self.subscriptions if stamp not in self.received[topic]]

        def served() -> bool:
            nonlocal again
            if missing() and time.monotonic() > again:
                again += AGAIN
                if self._info is not None:
                    self.info_publisher.publish(self._info)
                self.send(image, stamp)
            return not missing()

        wait(served, timeout, lambda: f'{missing()} did not come for an image that was sent '
             f'again and again; {self._said()}')
        self._served = True

    def _said(self) -> str:
        return f'diagnostics: {self.diagnostics[-1] if self.diagnostics else None}'

    # -- as an operator --

    def status(self):
        """Return the newest DiagnosticStatus."""
        return self.diagnostics[-1]

    def wait_status(self, text: str, timeout: float = 15.0):
        """Wait until a diagnostic status says `text`, in its message or values, and return it."""
        def found():
            return next((s for s in reversed(self.diagnostics) if text in s.message or any(
                text in f'{v.key}: {v.value}' for v in s.values)), None)

        wait(found, timeout, lambda: f'{text!r} never came; {self._said()}')
        return found()

    def wait_sentence(self, text: str, timeout: float = 15.0):
        """Return the complaint that says `text`, and the status that holds it."""
        status = self.wait_status(text, timeout)
        said = [status.message, *(v.value for v in status.values if 'complaint' in v.key)]
        return next(sentence for sentence in said if text in sentence), status

    def values(self) -> dict[str, str]:
        """Return the values of a diagnostic status that is newer than this call."""
        count = len(self.diagnostics)
        wait(lambda: len(self.diagnostics) > count + 1, 10, lambda: 'no diagnostics')
        return {value.key: value.value for value in self.status().values}

    def wait_value(self, name: str, value: str, timeout: float = 15.0) -> None:
        """Wait until the newest status has that value."""
        wait(lambda: self.diagnostics and value == {v.key: v.value for v in self.status().values}
             .get(name), timeout, lambda: f'{name} did not become {value}; {self._said()}')

    def call(self, kind, service: str, request, timeout: float = 60.0):
        """Call a service of the node and return its response."""
        name = f'depth_estimation/{service}'
        if name not in self._clients:
            self._clients[name] = self.node.create_client(kind, name)
        client = self._clients[name]
        assert client.wait_for_service(timeout), f'{name} is not there'
        future = client.call_async(request)
        wait(future.done, timeout, lambda: f'{name} did not answer')
        return future.result()

    def transition(self, label: str) -> bool:
        """Ask for a lifecycle transition and return whether it succeeded."""
        request = ChangeState.Request()
        request.transition.label = label
        return self.call(ChangeState, 'change_state', request).success

    def state(self) -> str:
        """Return the lifecycle state's label."""
        return self.call(GetState, 'get_state', GetState.Request()).current_state.label

    def set(self, **parameters) -> list:
        """Set parameters (`points__stride` for `points.stride`) and return the results."""
        request = SetParameters.Request(parameters=[
            Parameter(name.replace('__', '.'), value=value).to_parameter_msg()
            for name, value in parameters.items()])
        return self.call(SetParameters, 'set_parameters', request).results

    def get(self, name: str):
        """Return the value of a parameter."""
        response = self.call(GetParameters, 'get_parameters',
                             GetParameters.Request(names=[name]))
        return Parameter.from_parameter_msg(
            rclpy.parameter.ParameterMsg(name=name, value=response.values[0])).value


@contextmanager
def served(parameters: dict, arguments: list[str] | None = None,
           environment: dict[str, str] | None = None,
           **robot) -> Iterator[tuple[NodeProcess, Robot]]:
    """Give a node that runs and a Robot around it, of these options; both end with the block."""
    node = NodeProcess(parameters, arguments, environment)
    around = Robot(node, **robot)
    try:
        around.wait_for_node()
        yield node, around
    finally:
        around.close()
        node.stop()


def wait(predicate: Callable[[], object], timeout: float, message: Callable[[], str]) -> None:
    """Wait until `predicate` is true; fail with `message` after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not predicate():
        assert time.monotonic() < end, message()
        time.sleep(0.01)


def nanoseconds(stamp) -> int:
    """Return a message's stamp in nanoseconds."""
    return stamp.sec * 10**9 + stamp.nanosec


def image(pixels: np.ndarray, encoding: str = 'bgr8', frame: str = 'camera',
          padding: int = 0, bigendian: bool = False) -> Image:
    """Return an Image of `pixels` (H, W[, C]) whose rows are `padding` bytes longer."""
    pixels = np.ascontiguousarray(pixels)
    rows = pixels.reshape(pixels.shape[0], -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding,
                    step=rows.shape[1], is_bigendian=int(bigendian))
    message.header.frame_id = frame
    message.data.frombytes(rows.tobytes())
    return message


def info(camera, frame: str = 'camera', **changes) -> CameraInfo:
    """Return the CameraInfo of a PinholeCamera without distortion, with fields changed."""
    message = CameraInfo(
        width=camera.width, height=camera.height, distortion_model='plumb_bob', d=[0.0] * 5,
        k=[camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0])
    message.header.frame_id = frame
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def depth_array(message: Image) -> np.ndarray:
    """Return the pixels of a depth image: float32 metres or uint16 millimetres (H, W)."""
    dtype = {'32FC1': '<f4', '16UC1': '<u2'}[message.encoding]
    assert message.step == message.width * np.dtype(dtype).itemsize and not message.is_bigendian
    return np.frombuffer(message.data, dtype).reshape(message.height, message.width)
