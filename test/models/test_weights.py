# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where checkpoints are found, and what is refused in one sentence without running it."""
from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
import pickle
import struct
import tarfile
import tempfile
import zipfile

from depth_estimation_ros.models import weights
from depth_estimation_ros.models.weights import load_checkpoint, WeightsError
import numpy as np
import pytest
import torch

NAMES = ('encoder.pth', 'depth.pth')
ENTRIES = {'encoder.pth': {'conv.weight': torch.arange(6.0).reshape(2, 3), 'height': 192},
           'depth.pth': {'head.bias': torch.ones(1)}}


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def folder(tmp_path) -> Path:
    place = tmp_path / 'checkpoint'
    place.mkdir()
    for name, entries in ENTRIES.items():
        torch.save(entries, place / name)
    return place


def pack(folder: Path, archive: Path, prefix: str = '') -> Path:
    with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(folder.iterdir()):
            packed.write(file, prefix + file.name)
    return archive


def refusal(path, names=NAMES, shipped=None) -> str:
    """Return the one sentence that refuses `path`."""
    with pytest.raises(WeightsError) as caught:
        load_checkpoint(path, names, shipped)
    sentence = str(caught.value)
    assert '\n' not in sentence
    assert 'weights' in sentence
    return sentence


def assert_loaded(checkpoint):
    assert list(checkpoint.files) == list(NAMES)
    assert torch.equal(checkpoint.files['encoder.pth']['conv.weight'],
                       ENTRIES['encoder.pth']['conv.weight'])
    assert checkpoint.files['encoder.pth']['height'] == 192
    assert torch.equal(checkpoint.files['depth.pth']['head.bias'], torch.ones(1))


@pytest.mark.parametrize('as_type', [str, Path])
def test_a_folder_or_a_file_in_it(folder, as_type):
    for path in (folder, folder / 'encoder.pth', folder / 'depth.pth'):
        checkpoint = load_checkpoint(as_type(path), NAMES)
        assert_loaded(checkpoint)
        assert checkpoint.path == folder


@pytest.mark.parametrize('prefix', ['', 'stereo_640x192/', 'models/stereo/'])
def test_a_zip_with_the_files_anywhere_in_it(folder, tmp_path, prefix):
    torch.save({'other': torch.zeros(1)}, folder / 'pose_encoder.pth')
    archive = pack(folder, tmp_path / 'stereo_640x192.zip', prefix)
    before = sorted(tmp_path.rglob('*'))
    checkpoint = load_checkpoint(archive, NAMES)
    assert_loaded(checkpoint)
    assert checkpoint.path == archive
    assert sorted(tmp_path.rglob('*')) == before


def test_sha256_is_that_of_the_files(folder, tmp_path):
    expected = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in NAMES}
    assert load_checkpoint(folder, NAMES).sha256 == expected
    assert load_checkpoint(pack(folder, tmp_path / 'a.zip'), NAMES).sha256 == expected


def test_home_is_expanded(folder, monkeypatch):
    monkeypatch.setenv('HOME', str(folder.parent))
    assert load_checkpoint('~/checkpoint', NAMES).path == folder
    assert 'set weights to' in refusal('~nobody_of_that_name/checkpoint')


def test_torchs_older_pickle_format(folder):
    torch.save(ENTRIES['encoder.pth'], folder / 'encoder.pth',
               _use_new_zipfile_serialization=False)
    assert_loaded(load_checkpoint(folder, NAMES))


def test_tensors_of_a_gpu_come_to_the_cpu(folder):
    file = folder / 'depth.pth'
    torch.save(ENTRIES['depth.pth'], file, _use_new_zipfile_serialization=False)
    on_cpu, on_gpu = (struct.pack('<cI', b'X', len(word)) + word for word in (b'cpu', b'cuda:0'))
    assert file.read_bytes().count(on_cpu) == 1
    file.write_bytes(file.read_bytes().replace(on_cpu, on_gpu))
    assert load_checkpoint(folder, NAMES).files['depth.pth']['head.bias'].device.type == 'cpu'


@pytest.mark.parametrize('path', ['', '  '])
def test_an_empty_path(path):
    assert 'weights is empty' in refusal(path)
    assert 'encoder.pth and depth.pth' in refusal(path)


def test_a_path_that_is_not_there(tmp_path):
    assert f"'{tmp_path}/nowhere' does not exist" in refusal(tmp_path / 'nowhere')
    assert 'encoder.pth and depth.pth' in refusal(tmp_path / 'nowhere')


def test_a_file_that_is_missing(folder, tmp_path):
    (folder / 'depth.pth').unlink()
    assert f"'{folder}' holds no file depth.pth" in refusal(folder)
    assert f"'{folder}' holds no file depth.pth" in refusal(folder / 'encoder.pth')
    assert '0 files depth.pth' in refusal(pack(folder, tmp_path / 'half.zip'))


def test_a_folder_in_the_place_of_a_file(folder):
    (folder / 'depth.pth').unlink()
    (folder / 'depth.pth').mkdir()
    assert 'holds no file depth.pth' in refusal(folder)


def test_a_zip_of_several_checkpoints(folder, tmp_path):
    archive = pack(folder, tmp_path / 'two.zip', 'mono/')
    with zipfile.ZipFile(archive, 'a') as packed:
        packed.write(folder / 'encoder.pth', 'stereo/encoder.pth')
    assert '2 files encoder.pth' in refusal(archive)


def test_a_member_larger_than_the_bound(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, 'MAX_MEMBER_BYTES', 1000)
    assert 'more than the 1000' in refusal(pack(folder, tmp_path / 'big.zip'))
    assert_loaded(load_checkpoint(folder, NAMES))


def test_a_file_that_is_no_checkpoint(tmp_path):
    picture = tmp_path / 'picture.png'
    picture.write_bytes(b'\x89PNG' * 100)
    assert f"'{picture}' cannot be read" in refusal(picture)
    assert 'a folder or a whole .zip' in refusal(picture)


@pytest.mark.parametrize('zipped', [True, False], ids=['zip format', 'pickle format'])
@pytest.mark.parametrize('keep', [0, 1, 40, 0.5, 0.95])
def test_a_truncated_file(folder, keep, zipped):
    file = folder / 'depth.pth'
    torch.save({'w': torch.zeros(10000)}, file, _use_new_zipfile_serialization=zipped)
    whole = file.read_bytes()
    file.write_bytes(whole[:int(keep * len(whole)) if 0 < keep < 1 else keep])
    assert f"'{file}' is truncated, corrupt" in refusal(folder)


@pytest.mark.parametrize('content', [b'\0' * 20000, b'<html>404</html>', b'\xff' * 5000,
                                     b'version https://git-lfs.github.com/spec/v1\n'])
def test_a_file_of_something_else(folder, content):
    (folder / 'encoder.pth').write_bytes(content)
    assert "encoder.pth' is truncated, corrupt or no PyTorch file" in refusal(folder)


@pytest.mark.parametrize('cut', [100, -100])
def test_a_truncated_zip(folder, tmp_path, cut):
    archive = pack(folder, tmp_path / 'cut.zip')
    archive.write_bytes(archive.read_bytes()[:cut])
    assert f"'{archive}' cannot be read" in refusal(archive)


def test_a_zip_with_a_damaged_member(folder, tmp_path):
    archive = pack(folder, tmp_path / 'damaged.zip')
    content = bytearray(archive.read_bytes())
    content[200:232] = bytes(32)
    archive.write_bytes(content)
    assert f"'{archive}' cannot be read" in refusal(archive)


def write_evil_zip_format(file: Path, evil: Evil) -> None:
    torch.save({'w': torch.zeros(1), 'evil': evil}, file)


def write_evil_pickle_format(file: Path, evil: Evil) -> None:
    torch.save({'w': torch.zeros(1), 'evil': evil}, file, _use_new_zipfile_serialization=False)


def write_evil_plain_pickle(file: Path, evil: Evil) -> None:
    file.write_bytes(pickle.dumps(evil))


def write_evil_old_pickle(file: Path, evil: Evil) -> None:
    file.write_bytes(pickle.dumps(evil, protocol=0))


def write_evil_tar(file: Path, evil: Evil) -> None:
    with tarfile.open(file, 'w', format=tarfile.PAX_FORMAT) as archive:
        for name in ('storages', 'tensors', 'pickle'):
            content = pickle.dumps(evil, protocol=2)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize('write', [write_evil_zip_format, write_evil_pickle_format,
                                   write_evil_plain_pickle, write_evil_old_pickle, write_evil_tar])
@pytest.mark.parametrize('zipped', [False, True], ids=['folder', 'zip'])
def test_code_is_refused_and_never_run(folder, tmp_path, write, zipped):
    marker = tmp_path / 'ran'
    pickle.loads(pickle.dumps(Evil(marker)))
    assert marker.is_dir(), 'the code in this test must be such that it would work'
    marker.rmdir()
    write(folder / 'encoder.pth', Evil(marker))
    sentence = refusal(pack(folder, tmp_path / 'evil.zip') if zipped else folder)
    assert 'encoder.pth' in sentence
    assert 'refused because it holds code' in sentence
    assert 'mkdir' in sentence or write is write_evil_tar
    assert not marker.exists()


def test_a_pickled_module_is_code(folder):
    torch.save(torch.nn.Linear(2, 2), folder / 'encoder.pth')
    assert 'holds code (torch.nn.modules.linear.Linear)' in refusal(folder)


def test_a_torchscript_program_is_code(folder):
    torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)).save(str(folder / 'encoder.pth'))
    assert 'holds code (a TorchScript program)' in refusal(folder)


@pytest.mark.parametrize('content', [
    [torch.zeros(2)], {}, {'height': 192}, {'state_dict': {'w': torch.zeros(2)}},
    {1: torch.zeros(2)}, {'w': torch.zeros(2), 'losses': [1.0, 2.0]}, torch.zeros(2)])
def test_what_is_not_a_dict_of_tensors(folder, content):
    torch.save(content, folder / 'depth.pth')
    assert f"'{folder / 'depth.pth'}' is not a dict of tensors" in refusal(folder)


@pytest.mark.parametrize('target', ['checkpoint', 'checkpoint/depth.pth', 'checkpoint.zip'])
def test_no_permission(target):
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to others
        place = Path(place)
        place.chmod(0o755)
        asked = place / target.partition('/')[0]
        (place / 'checkpoint').mkdir()
        for name, entries in ENTRIES.items():
            torch.save(entries, place / 'checkpoint' / name)
        pack(place / 'checkpoint', place / 'checkpoint.zip')
        (place / target).chmod(0)
        is_root = os.geteuid() == 0
        try:
            if is_root:  # who may read everything
                os.seteuid(65534)
            assert f"'{asked}" in (sentence := refusal(asked))
            assert 'may not be read by this user' in sentence
        finally:
            if is_root:
                os.seteuid(0)
            (place / target).chmod(0o755)


# -- one .npz --

NPZ = ('small.npz',)
ARRAYS = {'conv.weight': np.arange(6, dtype=np.float16).reshape(2, 3), 'steps': np.array(7)}


@pytest.fixture
def npz(tmp_path) -> Path:
    """Return a checkpoint that is one .npz, in a folder of its own."""
    file = tmp_path / 'networks/small.npz'
    file.parent.mkdir()
    np.savez_compressed(file, **ARRAYS)
    return file


def assert_npz_loaded(checkpoint):
    entries = checkpoint.files['small.npz']
    assert entries['conv.weight'].dtype == torch.float16 and entries['steps'] == 7
    np.testing.assert_array_equal(entries['conv.weight'], ARRAYS['conv.weight'])


def test_an_npz_by_its_folder_its_own_name_any_name_or_in_a_zip(npz, tmp_path):
    other = tmp_path / 'mine_of_tuesday.npz'
    other.write_bytes(npz.read_bytes())
    for path in (npz.parent, npz, str(other), pack(npz.parent, tmp_path / 'a.zip', 'in/')):
        checkpoint = load_checkpoint(path, NPZ)
        assert_npz_loaded(checkpoint)
        assert checkpoint.path == Path(path)
        assert checkpoint.sha256['small.npz'] == hashlib.sha256(npz.read_bytes()).hexdigest()


def test_an_empty_path_asks_for_what_comes_with_the_package(npz):
    digest = hashlib.sha256(npz.read_bytes()).hexdigest()
    assert_npz_loaded(load_checkpoint('', NPZ, (npz, digest)))
    assert 'weights is empty' in refusal('', NPZ)


def test_what_came_with_the_package_must_be_what_was_released(npz):
    sentence = refusal('', NPZ, (npz, 'ab' * 32))
    assert f"'{npz}' is not the file" in sentence and 'abababababababab' in sentence
    assert 'install the package again' in sentence
    assert 'install the package again' in refusal('', NPZ, (npz.with_name('gone.npz'), ''))


def test_a_checkpoint_of_another_kind_says_to_look_at_model(folder, npz):
    for path, names in ((folder, NPZ), (folder / 'depth.pth', NPZ), (npz, NAMES),
                        (npz.parent, NAMES)):
        assert 'model to the network' in refusal(path, names)


@pytest.mark.parametrize('keep', [0, 1, 40, 0.5, 0.95])
def test_a_truncated_npz(npz, keep):
    whole = npz.read_bytes()
    npz.write_bytes(whole[:int(keep * len(whole)) if 0 < keep < 1 else keep])
    for path in (npz, npz.parent):
        assert f"'{npz}' is truncated, corrupt" in refusal(path, NPZ)


def test_an_npz_with_pickles_is_refused_and_never_unpickled(npz, tmp_path):
    marker = tmp_path / 'ran'
    np.savez(npz, w=np.array([Evil(marker)], dtype=object))
    assert 'allow_pickle' in refusal(npz, NPZ)
    with zipfile.ZipFile(npz, 'w') as archive:
        archive.writestr('w.npy', pickle.dumps(Evil(marker)))
    assert f"'{npz}' is truncated, corrupt or no .npz of plain numbers" in refusal(npz, NPZ)
    assert not marker.exists()


@pytest.mark.parametrize('array', [np.array(['text']), np.arange(3, dtype='>f4'),
                                   np.zeros(2, [('a', 'f4')])])
def test_an_npz_of_what_is_no_tensor(npz, array):
    np.savez(npz, w=array)
    assert 'no .npz of plain numbers' in refusal(npz, NPZ)


def test_an_npz_larger_than_the_bound_is_not_unpacked(npz, monkeypatch):
    np.savez_compressed(npz, w=np.zeros(10**6, np.float32))
    monkeypatch.setattr(weights, 'MAX_NPZ_BYTES', 10**6)
    assert 'more than the 1000000' in refusal(npz, NPZ)


def test_an_array_that_claims_to_be_larger_than_it_is(npz):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {'descr': '<f4', 'fortran_order': False, 'shape': (10**14,)})
    with zipfile.ZipFile(npz, 'w') as archive:
        archive.writestr('w.npy', header.getvalue() + b'1234')
    assert f"'{npz}' is truncated, corrupt" in refusal(npz, NPZ)


def test_a_pth_that_unpacks_to_far_more_than_it_is_is_refused(tmp_path):
    """A data.pkl of 200 MB of zeros in an archive of 200 kB; and one that is large as it is."""
    for name, compression, words in (('packed', zipfile.ZIP_DEFLATED, 'unpacks to far more'),
                                     ('plain', zipfile.ZIP_STORED, 'unpacks to far more')):
        path = tmp_path / f'{name}.pth'
        with zipfile.ZipFile(path, 'w', compression) as archive:
            archive.writestr('archive/data.pkl', bytes(weights.MAX_PICKLE_BYTES + 1))
            archive.writestr('archive/version', '3')
        with pytest.raises(WeightsError, match=words):
            load_checkpoint(path, ('net.pth',))


def test_an_npz_that_unpacks_to_gigabytes_is_refused(tmp_path):
    path = tmp_path / 'bomb.npz'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive, archive.open(
            'a.npy', 'w') as member:
        for _ in range(257):
            member.write(bytes(1 << 20))
    with pytest.raises(WeightsError, match='more than the 268435456 that are read'):
        load_checkpoint(path, ('compact.npz',))
