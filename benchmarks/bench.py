# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
How fast and how fresh, in one run: networks, estimator, the node and what else one could run.

    python -m benchmarks.bench [--full] [--json bench.json] [--output docs/performance.md]

`make bench` and `make bench-full` start it. It prints Markdown. What is compared takes turns, so
that noise hits all alike; figures are medians, with least and most in brackets.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, ExitStack
from dataclasses import replace
from datetime import datetime
from functools import partial
from importlib import metadata
from itertools import count
import json
import math
import os
from pathlib import Path
import platform
import signal
from statistics import median
import sys
from tempfile import TemporaryDirectory
import time

import cv2
from depth_estimation_ros.cloud.points import PointOptions
from depth_estimation_ros.estimation.compiled import Capture
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, OUTPUTS
from depth_estimation_ros.estimation.runtime import spare_threads
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.models import networks
from depth_estimation_ros.models.contract import Network
import numpy as np
import torch

from benchmarks.graph import Graph, GraphError
from benchmarks.inputs import INPUT, KITTI, picture, write_checkpoint
from benchmarks.report import GOOD, markdown, OURS, TODAY

# By the names in the tables: the catalogue's name. The first is the scale.
MODELS = {'monodepth2 R18': 'monodepth2', 'RT-MonoDepth-S': 'rt_monodepth_s',
          'compact': 'compact'}
SLOW, SWEEP = 10.0, (10.0, 30.0, 60.0)  # Hz; at the last one every node has too much to do
SWEEP_CUDA = (*SWEEP, 240.0)
DIAGNOSTICS = 1.2  # seconds until our node has said what was


class Bench:
    """
    What one call measures: `models` of MODELS, on each of `devices`, `rounds` times `seconds`.

    Its files go into `folder`; every node gets the next of `domains` (ROS_DOMAIN_ID). Networks
    run `compiled`, as by default, or not.
    """

    def __init__(self, folder: Path, models: Sequence[str], seconds: float, rounds: int,
                 domains: Iterator[int], compiled: bool = True,
                 devices: Sequence[str] = ()):
        self._compiled = compiled
        self._folder = folder
        self._models = models
        self._seconds = seconds
        self._rounds = rounds
        self._devices = list(devices) or ['cpu', *['cuda'] * torch.cuda.is_available()]
        self._weights = {model: write_checkpoint(model, folder / model)
                         for model in ('monodepth2', 'rt_monodepth_s')}
        self._picture = folder / 'picture.png'
        cv2.imwrite(str(self._picture), picture())
        self._domains = domains

    def network(self, name: str) -> Network:
        """Return a network, made anew, with 640x192 as its input."""
        model = MODELS[name]
        size = 'x'.join(map(str, INPUT))
        # One network a picture, as in the node, which looks for rooms only now and then.
        return replace(networks.open_network(model, self._weights.get(model, ''), size).network,
                       rooms=None)

    def passes(self) -> list[dict]:
        """Return rows of the networks alone and of the estimator, in turn on each device."""
        return [row for device in self._devices for row in self._passes(device)]

    @torch.inference_mode()
    def _passes(self, device: str) -> list[dict]:
        runs, details = {}, {}
        frame = [(ColorImage(picture(), (2, 1, 0)), KITTI)]
        organised = DepthOptions(points=PointOptions(organized=True))
        small = cv2.cvtColor(cv2.resize(picture(), INPUT), cv2.COLOR_BGR2RGB)
        rgb = torch.from_numpy(small).to(device).permute(2, 0, 1)[None].contiguous() / 255
        seen = KITTI.resized(*INPUT)
        camera = torch.tensor([[seen.fx, seen.fy, seen.cx, seen.cy]], device=device)
        for name in dict.fromkeys([next(iter(MODELS)), *self._models]):
            original = self.network(name)
            module = original.module.to(device).eval()
            inputs = (rgb, camera) if original.takes_camera else (rgb,)
            runs[name, 'fp32 as published'] = partial(module, *inputs)
            if name not in self._models:
                continue
            estimator = self._estimator(name, device)
            exact, fast = module(*inputs)[0], estimator.forward(rgb, camera)[0]
            ratio = fast / exact if original.inverse else exact / fast
            details[name, 'as depth_node runs it'] = {
                'precision': estimator.forward.form,
                'off fp32': (ratio - 1).abs().mean().item()}
            if device == 'cuda':
                runs[name, 'in a CUDA graph, fp16'] = captured(self.network(name), inputs)
            runs[name, 'as depth_node runs it'] = spared()(partial(
                estimator.forward, rgb, camera))
            plain = DepthEstimator(self.network(name), device).forward
            details[name, 'not compiled, all threads'] = {'precision': plain.form}
            runs[name, 'not compiled, all threads'] = partial(plain, rgb, camera)
            for piece, options, outputs in (
                    ('depth', DepthOptions(), {'depth'}),
                    ('depth, 20 000 points', DepthOptions(), {'depth', 'points'}),
                    ('depth, all points', organised, {'depth', 'points'}),
                    ('all outputs', DepthOptions(), OUTPUTS)):
                runs[name, f'estimator: {piece}'] = spared()(partial(
                    estimator.estimate, frame, options, outputs))
        times = in_turn(runs, max(round(6 * self._seconds), 1), device)
        scale = median(times[next(iter(MODELS)), 'fp32 as published'])
        return [{'device': device, 'network': name, 'what': what, 'ms': spread(values),
                 'x': median(values) / scale, **details.get((name, what), {})}
                for (name, what), values in times.items()]

    def _estimator(self, name: str, device: str) -> DepthEstimator:
        """Return what depth_node makes of a network, compiled."""
        with spared():
            estimator = DepthEstimator(self.network(name), device, compiled=self._compiled)
            estimator.warm_up()
            while 'being compiled' in estimator.forward.form:
                say(f'{name} is being compiled')
                time.sleep(5)
                estimator.warm_up()
        return estimator

    def nodes(self) -> list[dict]:
        """Return a row a node and rate: all of them stand ready, and run one after another."""
        return [row for device in self._devices for row in self._nodes(device)]

    def _nodes(self, device: str) -> list[dict]:
        rows = []
        with ExitStack() as running:
            graphs = {}
            for name in self._models:
                for way in (TODAY, OURS, GOOD) if MODELS[name] in self._weights else (OURS,):
                    graphs[name, way] = running.enter_context(
                        self._graph(name, way, device))
            for (name, way), graph in graphs.items():
                say(f'{device}: waiting for {way}, {name}')
                graph.wait()
                if way == OURS:
                    settle(graph)
            sweep = SWEEP_CUDA if device == 'cuda' else SWEEP
            before = self._said(graphs)
            for rate in sweep:
                turn = {key: graph for key, graph in graphs.items()
                        if key[1] == OURS or rate in (SLOW, sweep[-1])}
                runs = {key: [] for key in turn}
                for round_ in range(self._rounds):
                    say(f'{device}: {rate:g} Hz, round {round_ + 1} of {self._rounds}')
                    for key, graph in turn.items():
                        runs[key].append(graph.run(rate, self._seconds))
                after = self._said(graphs)
                rows += [{'device': device, 'network': name, 'node': way, 'rate': rate,
                          'most': rate == sweep[-1], 'transport': graph.transport,
                          'peak_memory': graph.peak_memory(),
                          **together(runs[name, way]),
                          **inside(way, before[name, way], after[name, way], runs[name, way])}
                         for (name, way), graph in turn.items()]
                before = after
        return rows

    def _graph(self, name: str, way: str, device: str, stages: Path | None = None) -> Graph:
        weights = self._weights.get(MODELS[name], '')
        parameters = {'weights': weights, 'device': device}
        module = {TODAY: 'benchmarks.todays_node', GOOD: 'benchmarks.good_node',
                  OURS: 'depth_estimation_ros'}[way]
        if way == OURS:
            parameters = {**parameters, 'model': MODELS[name],
                          'input_size': 'x'.join(map(str, INPUT)), 'compile': self._compiled}
        command = ['-m', 'benchmarks.stages', stages] if stages else ['-m', module]
        command.append('--ros-args')
        for parameter, value in parameters.items():
            if value != '':
                command += ['-p', f'{parameter}:={value}']
        return Graph(command, self._picture, (KITTI.fx, KITTI.fy, KITTI.cx, KITTI.cy),
                     next(self._domains), self._folder, profile=way != TODAY)

    def _said(self, graphs: Mapping[tuple[str, str], Graph]) -> dict:
        time.sleep(DIAGNOSTICS)
        return {key: graph.status() if key[1] == OURS else graph.printed()
                for key, graph in graphs.items()}

    def stages(self) -> list[dict]:
        """Return a row a network and device of where the time of a frame goes, ms."""
        rows = []
        for device in self._devices:
            for name in self._models:
                say(f'{device}: stages of {name}')
                file = self._folder / f'{MODELS[name]}_{device}.json'
                with self._graph(name, OURS, device, file) as graph:
                    graph.wait()
                    settle(graph)
                    graph.run(SWEEP[-1], self._rounds * self._seconds)
                times = json.loads(file.read_text())
                last = round(self._rounds * self._seconds)  # the first ones were eager
                rows.append({'device': device, 'network': name, **{
                    stage: median(values[-5 * last:]) for stage, values in times.items()}})
        return rows

    def growth(self) -> list[dict]:
        """Return rows of what the estimator's time grows with."""
        rows = []
        frame = [(ColorImage(picture(), (2, 1, 0)), KITTI)]
        for device in self._devices:
            runs = {}
            for name in self._models:
                estimator = self._estimator(name, device)
                for times in (1, 2, 4):
                    camera = KITTI.resized(KITTI.width * times, KITTI.height * times)
                    image = ColorImage(picture(camera.width, camera.height), (2, 1, 0))
                    runs[name, f'image {camera.width}x{camera.height}'] = partial(
                        estimator.estimate, [(image, camera)], outputs={'depth', 'points'})
                for cameras in (2, 3, 4):
                    runs[name, f'{cameras} cameras'] = partial(
                        estimator.estimate, frame * cameras, outputs={'depth', 'points'})
                for stride in (1, 2, 4):
                    options = DepthOptions(points=PointOptions(
                        stride=stride, max_points=KITTI.width * KITTI.height))
                    runs[name, f'points.stride {stride}, no bound'] = partial(
                        estimator.estimate, frame, options, {'depth', 'points'})
            with spared():
                times = in_turn(runs, max(round(4 * self._seconds), 1), device)
            first = f'image {KITTI.width}x{KITTI.height}'
            rows += [{'device': device, 'network': name, 'what': what, 'ms': spread(values),
                      'x': median(values) / median(times[name, first])}
                     for (name, what), values in times.items()]
        return rows

    def memory(self, frames: int) -> list[dict]:
        """Return a row a device: how the node's peak memory grows from frame 100 to `frames`."""
        rows = []
        for device in self._devices:
            with self._graph('compact', OURS, device) as graph:
                graph.wait()
                settle(graph)
                out, early = 0, None
                while out < frames:
                    run = graph.run(SWEEP[-1], 3 if early is None else 20)
                    if not run['out']:
                        raise GraphError('the node has stopped to answer')
                    out += run['out']
                    if early is None and out >= 100:
                        early = graph.peak_memory()
                    say(f'{device}: {out} of {frames} frames, {graph.peak_memory():.1f} MB')
                rows.append({'device': device, 'network': 'compact', 'frames': out,
                             'early': early, 'late': graph.peak_memory()})
        return rows


def settle(graph: Graph) -> None:
    """Wait until our node has compiled its network, which it does aside."""
    time.sleep(DIAGNOSTICS)
    while 'being compiled' in graph.status()['precision']:
        say('its network is being compiled')
        time.sleep(5)
        graph.run(SLOW, 0.5)
        time.sleep(DIAGNOSTICS)


def captured(network: Network, inputs: Iterable[torch.Tensor]) -> Callable[[], object]:
    """Return a function that replays one pass of the network in fp16, channels_last, on CUDA."""
    module = network.module.eval().to('cuda', torch.float16, memory_format=torch.channels_last)
    rgb, *camera = inputs
    held = [rgb.contiguous(memory_format=torch.channels_last), *camera]
    return partial(Capture(module, held).poll(), held)


@contextmanager
def spared() -> Iterator[None]:
    """Let torch compute with as many threads as in depth_node."""
    threads = torch.get_num_threads()
    torch.set_num_threads(spare_threads())
    yield
    torch.set_num_threads(threads)


def in_turn(runs: Mapping, rounds: int, device: str) -> dict:
    """Return how long each of `runs` takes, ms, `rounds` times, after two that do not count."""
    times = {key: [] for key in runs}
    for round_ in range(rounds + 2):
        for key, run in runs.items():
            began = time.perf_counter()
            run()
            if device == 'cuda':
                torch.cuda.synchronize()
            if round_ >= 2:
                times[key].append((time.perf_counter() - began) * 1e3)
    return times


def spread(values: Sequence[float]) -> dict[str, float] | None:
    """Return median, least and most of those that are numbers; None where there is none."""
    values = [value for value in values if math.isfinite(value)]
    if not values:
        return None
    return {'median': median(values), 'min': min(values), 'max': max(values)}


def together(runs: Sequence[Mapping[str, float]]) -> dict:
    """Return the figures of several runs as one: spreads, and sums of frames."""
    return {key: sum(run[key] for run in runs) if key in ('sent', 'out')
            else spread([run[key] for run in runs]) for key in runs[0]}


def inside(way: str, before, after, runs: Sequence[Mapping[str, float]]) -> dict:
    """
    Return what a node says of its frames: their age when all is published and the network, ms.

    Ours also: `lost`, frames that neither came out nor were counted as dropped.
    """
    if way != OURS:
        ages, forwards = zip(*after[len(before):]) if len(after) > len(before) else ((), ())
        return {'node_age_p50': median(ages) if ages else None,
                'forward_p50': median(forwards) if forwards else None}

    def dropped(status: Mapping[str, str]) -> int:
        return sum(int(value) for key, value in status.items() if 'dropped' in key)

    lost = sum(run['sent'] - run['out'] for run in runs) - dropped(after) + dropped(before)
    age, forward = (spread([float(after[f'{key} p50 (ms)'])]) for key in ('age', 'forward'))
    return {'node_age_p50': age and age['median'], 'forward_p50': forward and forward['median'],
            'precision': after['precision'], 'lost': lost, 'diagnostics': dict(after)}


def machine() -> dict:
    """Return what the figures hang on."""
    cpu = Path('/proc/cpuinfo').read_text()
    model = [line.partition(':')[2].strip() for line in cpu.splitlines()
             if line.startswith('model name')]
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else 'none'
    load = os.getloadavg()[0]
    try:
        rclpy = metadata.version('ros-rclpy')
    except metadata.PackageNotFoundError:
        rclpy = os.environ.get('ROS_DISTRO', 'unknown')
    return {
        'date': datetime.now().astimezone().strftime('%Y-%m-%d %H:%M %Z'),
        'CPU': f'{model[0] if model else platform.machine()}, {os.cpu_count()} cores, '
               f'avx512_bf16: {"yes" if "avx512_bf16" in cpu else "no"}',
        'GPU': gpu,
        'load before the run': f'{load:.1f}' + (
            ': **others were at work, these figures are not to be cited**' if load > 1 else ''),
        'threads of torch': f'{torch.get_num_threads()}, in depth_node {spare_threads()}',
        'versions': f'Python {platform.python_version()}, torch {torch.__version__}, NumPy '
                    f'{np.__version__}, OpenCV {cv2.__version__}, rclpy {rclpy}, Linux '
                    f'{platform.release()}'}


def say(text: str) -> None:
    """Print how far it is."""
    print(text, file=sys.stderr, flush=True)


def measure(bench: Bench, full: bool, frames: int,
            keep: Callable[[Mapping], object] = lambda _: None) -> dict:
    """
    Return all figures of a run; with `full` also cost growth, and memory over `frames`.

    keep: is given what there is after each part.
    """
    began, results = time.monotonic(), {'machine': machine()}
    parts = {'passes': bench.passes, 'nodes': bench.nodes, 'stages': bench.stages}
    if full:
        parts.update(growth=bench.growth, memory=partial(bench.memory, frames))
    for part, run in parts.items():
        say(part)
        results[part] = run()
        keep(results)
    results['machine']['the run took'] = f'{time.monotonic() - began:.0f} s'
    return results


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--json', type=Path, default=Path('bench.json'))
    parser.add_argument('--output', type=Path, help='write what is printed into a file too')
    parser.add_argument('--seconds', type=float, default=2.5, help='of each run of a node')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--devices', nargs='+', choices=('cpu', 'cuda'), default=[],
                        help='default: those that there are')
    parser.add_argument('--networks', nargs='+', choices=MODELS, default=list(MODELS))
    parser.add_argument('--full', action='store_true', help='also cost growth and memory')
    parser.add_argument('--frames', type=int, default=10_000, help='of the memory test')
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with TemporaryDirectory(prefix='bench_') as folder:
        # Domains above 100 meet Linux's ephemeral ports.
        bench = Bench(Path(folder), chosen.networks, chosen.seconds, chosen.rounds,
                      count(1 + os.getpid() % 80), devices=chosen.devices)
        results = measure(bench, chosen.full, chosen.frames, lambda part: (
            chosen.json.write_text(json.dumps(part, indent=1) + '\n')))
    results['machine']['a node and rate'] = f'{chosen.rounds} runs of {chosen.seconds:g} s'
    text = markdown(results)
    print(text)
    chosen.json.write_text(json.dumps(results, indent=1) + '\n')
    if chosen.output:
        chosen.output.write_text(text)


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
