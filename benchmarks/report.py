# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of benchmarks/bench.py as the page docs/performance.md."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

TODAY, GOOD, OURS = "today's way", 'good Python', 'depth_node'

HEAD = """\
# Performance

Printed by `make bench`; `make bench-full` adds cost growth and memory. A camera, the node and a
reader are three processes on one machine, the one below: in goes a 1242x375 bgr8 image with its
CameraInfo, out come the full-size 32FC1 depth and a coloured cloud. Networks take 640x192. Weights
are random where none come with the package: they cost the same. What is compared takes turns
within one run; figures are medians, with least and most in brackets."""

NETWORKS = """\
One pass, batch 1, and the estimator around it: from an image in memory to depth and points in
memory. *x* is the time by that of monodepth2 R18 as its authors publish it: fp32, contiguous,
eager, on all of torch's threads; depth_node leaves one core to others. *off fp32* is AbsRel of
the depth to that of the network as published, on the benchmark's picture."""

NODES = """\
Beside `depth_node` run two yardsticks, with the same networks. Today's way,
`benchmarks/todays_node.py`, is a plain node as they are written: PIL's LANCZOS, fp32, all points,
work in the callback, sensor-data QoS. Good Python, `benchmarks/good_node.py`, is what an expert
makes of one file: channels_last, a worker for the newest frame only, a cloud of every fifth row
and column. Frames a second are what comes out while the camera sends more than the node can do (a
figure near the camera's rate in the next table is a bound); a frame is out when the reader has
both its depth and its cloud. CPU is the node's, 100 % is one core; MB is its peak, resident."""

AGES = """\
*Age* is from the image's stamp until the reader has depth and cloud, ms. *In the node* is until
all is published, by the node's own clock, and *less the network* what of that is not the forward
pass: transport, waiting, conversion, resizing, points. *Lost* are frames that neither came out nor
were counted as dropped for a newer one; the yardsticks count nothing. Where the camera sends less
than a node can do, *out of sent* shows what the transport loses."""

STAGES = """\
The time that each stage of a frame takes in the node, itself, ms, the camera sending as fast as it
can: `python -m benchmarks.stages`. *Receive* is the callback only; what the transport takes before
it is in the age at receive that `/diagnostics` shows. On CUDA work is asked for in one stage and
waited for in another."""

GROWTH = """\
Depth and 20 000 points of the estimator; with another stride, every point of that grid. *x* is by
the first row of the network."""

MEMORY = 'The peak of resident memory of the node, MB, with `compact` as fast as it goes.'


def markdown(results: Mapping) -> str:
    """Return the page."""
    rates = [row for row in results['nodes'] if row['most']]
    transports = {f'{row["node"]}: {row["transport"]}' for row in results['nodes']}
    parts = [
        HEAD, table(('', ''), results['machine'].items()),
        '## Networks and estimator', NETWORKS,
        table(('device', 'network', 'what', 'ms', 'x', 'precision', 'off fp32'), (
            (row['device'], row['network'], row['what'], spread(row['ms']), f'{row["x"]:.2f}',
             row.get('precision', ''), f'{row["off fp32"]:.4f}' if 'off fp32' in row else '')
            for row in results['passes'])),
        '## Frames per second', NODES,
        table(('device', 'network', 'node', 'frames/s', f'x {TODAY}', f'x {GOOD}', 'CPU %',
               'MB'), (
            (row['device'], row['network'], row['node'], spread(row['fps']),
             gain(row, rates, TODAY), gain(row, rates, GOOD), f'{row["cpu"]["median"]:.0f}',
             f'{row["peak_memory"]:.0f}') for row in rates)),
        '## Age', AGES,
        table(('device', 'network', 'camera, Hz', 'node', 'out of sent', 'age p50', 'p95', 'p99',
               'in the node, p50', 'less the network', 'lost'), map(age, results['nodes'])),
        *sorted(transports),
        '## Where the time of a frame goes', STAGES, stages(results['stages'])]
    if 'growth' in results:
        parts += [
            '## What time grows with', GROWTH,
            table(('device', 'network', 'what', 'ms', 'x'), (
                (row['device'], row['network'], row['what'], spread(row['ms']),
                 f'{row["x"]:.2f}') for row in results['growth'])),
            '## Memory', MEMORY,
            table(('device', 'after 100 frames', 'after', 'it is', 'growth'), (
                (row['device'], f'{row["early"]:.1f}', f'{row["frames"]} frames',
                 f'{row["late"]:.1f}', f'{row["late"] - row["early"]:.1f}')
                for row in results['memory']))]
    return '\n\n'.join(parts) + '\n'


def stages(rows: Sequence[Mapping]) -> str:
    """Return the table of stages, a column a network."""
    names = [name for name in rows[0] if name not in ('device', 'network')]
    return table(('stage', *(f'{row["device"]}, {row["network"]}' for row in rows)), (
        *((name, *(f'{row[name]:.2f}' for row in rows)) for name in names),
        ('sum', *(f'{sum(row[name] for name in names):.2f}' for row in rows))))


def age(row: Mapping) -> tuple[str, ...]:
    """Return the cells of a row on ages."""
    inside, forward = row['node_age_p50'], row['forward_p50']
    return (row['device'], row['network'], f'{row["rate"]:g}', row['node'],
            f'{row["out"]} of {row["sent"]}', spread(row['age_p50']),
            spread(row['age_p95']).split(' ')[0], spread(row['age_p99']).split(' ')[0],
            '' if inside is None else f'{inside:.1f}',
            '' if inside is None or forward is None else f'{inside - forward:.1f}',
            str(row.get('lost', '')))


def gain(row: Mapping, rows: Iterable[Mapping], node: str) -> str:
    """Return the frames a second of `row` by those of another node with that network."""
    for other in rows:
        if (other['device'], other['network'], other['node']) == (
                row['device'], row['network'], node) and other['fps']['median']:
            return f'{row["fps"]["median"] / other["fps"]["median"]:.2f}'
    return ''


def spread(figure: Mapping[str, float] | None) -> str:
    """Return a median with least and most; None: nothing came."""
    if figure is None:
        return 'none'
    return f'{figure["median"]:.1f} ({figure["min"]:.1f} to {figure["max"]:.1f})'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    return '\n'.join('| ' + ' | '.join(cells) + ' |'
                     for cells in (head, ['---'] * len(head), *rows))
