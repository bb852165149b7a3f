"""Converts files between all formats with simdembed, and compares them, bit for bit, with what PyTorch, NumPy and the strict
safetensors reader beside this file see in them.

    files_agree.py SIMDEMBED FOLDER
"""
import itertools
import pathlib
import subprocess
import sys

import numpy as np
import torch

sys.dont_write_bytecode = True
import safetensors_strict  # noqa: E402

command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
DTYPES = ["float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]
SHAPES = [(), (3,), (5, 4), (2, 3, 4), (0, 3), (70, 16)]


def arrays():
    random = np.random.default_rng(1)
    for dtype, shape in itertools.product(DTYPES, SHAPES):
        values = np.array(random.normal(0, 50, shape))
        yield f"{dtype}.{'x'.join(map(str, shape)) or 'scalar'}", values.astype(dtype)


def convert(source, target, *options):
    subprocess.run([command, "convert", str(source), str(target), "--json", *options], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([command, "verify", str(target)], check=True, stdout=subprocess.DEVNULL)


def same(expected, found, where):
    assert list(expected) == list(found) or sorted(expected) == sorted(found), (where, sorted(found))
    for name, array in expected.items():
        other = found[name]
        assert array.dtype == other.dtype and array.shape == other.shape, (where, name, other.dtype, other.shape)
        assert array.tobytes() == np.ascontiguousarray(other).tobytes(), (where, name)


def from_npz(path):
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def from_pth(path):
    plain, safe = torch.load(path), torch.load(path, weights_only=True)
    same({name: tensor.numpy() for name, tensor in plain.items()}, {name: tensor.numpy() for name, tensor in safe.items()}, path)
    return {name: tensor.numpy() for name, tensor in plain.items()}


def from_safetensors(path):
    metadata, tensors = safetensors_strict.read(path.read_bytes())
    assert all(f"xxh3.{name}" in metadata for name in tensors)
    return {
        name: np.frombuffer(raw, "?" if dtype == "BOOL" else safetensors_strict.DTYPES[dtype][1]).reshape(shape)
        for name, (dtype, shape, raw) in tensors.items()
    }


READERS = {".npz": from_npz, ".pth": from_pth, ".safetensors": from_safetensors}
expected = dict(arrays())
tensors = {name: torch.from_numpy(np.array(array)) for name, array in expected.items()}
sources = {"numpy.npz": lambda path: np.savez(path, **expected), "packed.npz": lambda path: np.savez_compressed(path, **expected)}
for protocol in (2, 3, 4, 5):
    sources[f"zip{protocol}.pth"] = lambda path, protocol=protocol: torch.save(tensors, path, pickle_protocol=protocol)
    sources[f"legacy{protocol}.pth"] = lambda path, protocol=protocol: torch.save(
        tensors, path, pickle_protocol=protocol, _use_new_zipfile_serialization=False)

compared = 0
for name, save in sources.items():
    save(folder / name)
    for suffix, read in READERS.items():
        target = folder / f"from-{name}{suffix}"
        convert(folder / name, target)
        same(expected, read(target), target)
        compared += 1
        back = folder / f"back-{name}{suffix}.npz"
        convert(target, back)
        same(expected, from_npz(back), back)
        compared += 1

for name, array in expected.items():
    for order in "CF":
        np.save(folder / "one.npy", np.asarray(array, order=order))
        convert(folder / "one.npy", folder / "two.npy")
        found = np.load(folder / "two.npy", allow_pickle=False)
        assert found.dtype == array.dtype and found.shape == array.shape and found.tobytes() == np.ascontiguousarray(array).tobytes(), name
        compared += 1

half = {"w": torch.arange(12, dtype=torch.bfloat16).reshape(3, 4).t(), "v": torch.ones(2, 2, dtype=torch.bfloat16)}
torch.save(half, folder / "half.pth")
convert(folder / "half.pth", folder / "half.safetensors")
convert(folder / "half.safetensors", folder / "again.pth")
convert(folder / "half.safetensors", folder / "half.npz")
again = torch.load(folder / "again.pth", weights_only=True)
assert all(torch.equal(half[name], again[name]) and again[name].dtype == torch.bfloat16 for name in half)
assert all(np.array_equal(half[name].float().numpy(), array) for name, array in from_npz(folder / "half.npz").items())
print(f"PyTorch {torch.__version__}, NumPy {np.__version__} and the strict safetensors reader agree on {compared + 2} files")
