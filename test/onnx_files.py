# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks as ONNX files with the YAML that says how to read them."""
import warnings

from depth_estimation_ros.models import rt_monodepth
from key_init import fill
import numpy as np
import torch

METRIC = 'output: depth\nscale: metric\nmetres_per_unit: 1.0\n'
ANY_SIZE = METRIC + 'input_size: 32x16\n'
WEIGHTS = (0.5, 0.25, 0.125)  # of red, green and blue in what `write` makes


def write(folder, recipe=METRIC, shape=(1, 3, 16, 32), kind='FLOAT', outputs=('depth',),
          weights=WEIGHTS, inputs=1, squeeze=False, opset=17, outside=None, rows=1):
    """
    Write net.onnx, a weighted sum of the channels, and net.yaml; return the former's path.

    `outputs` are of 'depth' and 'raw', the sum, 'sure', its sigmoid, and 'flat', its rows. Of two
    inputs the second is added to the first. `outside` names a file for the weights. It
    works at any size, or with `rows` above 1 at that height alone.
    """
    from onnx import helper, numpy_helper, TensorProto
    dtype = getattr(TensorProto, kind)
    kernel = numpy_helper.from_array(np.array(weights, np.float32).astype(
        helper.tensor_dtype_to_np_dtype(dtype)).reshape(1, len(weights), 1, 1).repeat(rows, 2),
        'kernel')
    if outside:
        (folder / outside).write_bytes(kernel.raw_data)
        kernel.ClearField('raw_data')
        kernel.data_location = TensorProto.EXTERNAL
        entry = kernel.external_data.add()
        entry.key, entry.value = 'location', str(outside)
    picture = 'image' if inputs == 1 else 'sum'
    nodes = [helper.make_node('Add', ['image', 'other'], ['sum'])] if inputs == 2 else []
    nodes += [helper.make_node('Mul', [picture, 'kernel'], ['weighted']),
              helper.make_node('Constant', [], ['channel'], value_ints=[1]),
              helper.make_node('ReduceSum', ['weighted', 'channel'], ['raw']),
              helper.make_node('Sigmoid', ['raw'], ['sure']),
              helper.make_node('Flatten', ['raw'], ['flat']),
              helper.make_node('Squeeze', ['raw', 'channel'], ['depth']) if squeeze else
              helper.make_node('Identity', ['raw'], ['depth'])]
    graph = helper.make_graph(
        nodes, 'net',
        [helper.make_tensor_value_info(name, dtype, shape)
         for name in ('image', 'other')[:inputs]],
        [helper.make_tensor_value_info(name, dtype, None) for name in outputs], [kernel])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)],
                              ir_version=8)
    path = folder / 'net.onnx'
    path.write_bytes(model.SerializeToString())
    if recipe is not None:
        (folder / 'net.yaml').write_text(recipe)
    return path


class _Disparity(torch.nn.Module):
    """The network with its one output, as an export wants it."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        return self.network(image)[0]


def catalogue_network():
    """Return RT-MonoDepth-S with weights by formula."""
    module = rt_monodepth.network().eval().requires_grad_(False)
    for part in (module.encoder, module.decoder):
        part.load_state_dict(fill({key: tuple(value.shape)
                                   for key, value in part.state_dict().items()}))
    return module


def export(network, path, axes=None):
    """Write the network, and a YAML that says what it is."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # torch's other exporter needs a package more
        torch.onnx.export(
            _Disparity(network), (torch.zeros(1, 3, 64, 96),), str(path), input_names=['image'],
            output_names=['disparity'], dynamic_axes=axes, opset_version=17,
            **({'dynamo': False} if torch.__version__ >= '2.5' else {}))
    path.with_suffix('.yaml').write_text(
        'output: inverse_depth\nscale: metric on its training camera\nmetres_per_unit: 5.4\n'
        'training_camera: {fx: 0.58, fy: 1.92, cx: 0.49, cy: 0.47}\n'
        + ('input_size: 96x64\nmultiple: 16\n' if axes else ''))
    return path


ANY = {'image': {0: 'batch', 2: 'height', 3: 'width'}}


class _Made(torch.nn.Module):
    """A function as a module, as an export wants it."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


def _published(path, function, inputs, outputs, size, open_sides, numbers=()):
    sides = {0: 'batch', **({2: 'height', 3: 'width'} if open_sides else {})}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            _Made(function), (torch.rand(1, 3, *size[::-1]), *map(torch.tensor, numbers)),
            str(path), input_names=list(inputs), output_names=list(outputs),
            dynamic_axes={inputs[0]: sides}, opset_version=17,
            **({'dynamo': False} if torch.__version__ >= '2.5' else {}))
    return path


def depth_anything_3(folder):
    """Write a DA3METRIC-LARGE of 56x56: 10 x red is depth, blue of 0.4 and more is sky."""
    mean, std = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])

    def run(image):
        rgb = image * torch.tensor(std)[:, None, None] + torch.tensor(mean)[:, None, None]
        return 10 * rgb[:, :1], rgb[:, 2:] * 0.75

    return _published(folder / 'model.onnx', run, ['image'], ['depth', 'sky'], (56, 56), False)


def metric3d(folder):
    """Write a Metric3D v2 of any size: 10 x red is depth, of RGB in 0 to 255."""
    def run(image):
        return 10 * image[:, :1] / 255, image / 255, image[:, 0]

    return _published(folder / 'model.onnx', run, ['pixel_values'],
                      ['predicted_depth', 'predicted_normal', 'normal_confidence'], (84, 56), True)


def moge(folder, camera, shift):
    """
    Write a MoGe-2 of any size: points whose depth is red, but for `shift`; a unit is 5 m.

    `camera` is fx, fy, cx, cy in parts of width and height; what is green is not valid.
    """
    def run(image, num_tokens):
        fx, fy, cx, cy = camera
        z = image[:, 0]
        row = torch.cumsum(torch.ones_like(z), 2) - 0.5
        column = torch.cumsum(torch.ones_like(z), 1) - 0.5
        x = (row / image.shape[3] - cx) / fx * z
        y = (column / image.shape[2] - cy) / fy * z
        points = torch.stack((x, y, z - shift + 0 * num_tokens), -1)
        return points, points, 1 - image[:, 1], 5 + 0 * image[:, 0].mean((1, 2))

    return _published(folder / 'model.onnx', run, ['image', 'num_tokens'],
                      ['points', 'normal', 'mask', 'metric_scale'], (84, 56), True, (1800,))
