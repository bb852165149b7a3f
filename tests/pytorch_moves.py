"""Runs what MovingFromPyTorch.md says, with real PyTorch.

    pytorch_moves.py TRAIN_AND_SERVE.dll PROMPT_EMBEDDINGS.dll

The page's Python blocks run around the C# block between them (an example program), and the end is compared with PyTorch's own training;
every argument that this PyTorch has is on the page; and the prompts' example gives what Segment Anything's code gives.
"""
import copy
import inspect
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import torch
from torch import nn

train_and_serve, prompt_embeddings = map(os.path.abspath, sys.argv[1:])
page = (pathlib.Path(__file__).parent.parent / "src/SimdEmbed/MovingFromPyTorch.md").read_text(encoding="utf-8")
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


def run(program, argument):
    return subprocess.run(["dotnet", program, argument], check=True, capture_output=True, text=True).stdout


# Both ways, once through.
before, after = re.findall(r"```python\n(.*?)```", page, re.S)
names = {}
exec(before, names)
model = names["model"]
own = copy.deepcopy(model)
optimizer = torch.optim.Adagrad(own.parameters(), lr=0.05)
losses = []
for _ in range(10):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(own["emb"](names["batch"]), names["target"])
    losses.append(loss.item())
    loss.backward()
    optimizer.step()
started = model["emb"].weight.detach().clone()
printed = [float(line.split()[1]) for line in run(train_and_serve, ".").splitlines()]
assert all(abs(x - y) < 2e-6 for x, y in zip(printed, losses)) and len(printed) == 10, (printed, losses)
exec(after, names)
moved = model["emb"].weight.detach()
assert not torch.equal(started, moved)
assert torch.allclose(own["emb"].weight, moved, rtol=0, atol=2e-6), (own["emb"].weight - moved).abs().max()
print(f"PyTorch {torch.__version__}: ten steps here are ten steps there, within {(own['emb'].weight - moved).abs().max():.1e}")

# Every argument is on the page. size_average and reduce are PyTorch's old names for reduction.
said = set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", page, flags=re.S)))
callables = [nn.Embedding, nn.Embedding.from_pretrained, nn.EmbeddingBag, nn.EmbeddingBag.forward, nn.EmbeddingBag.from_pretrained]
callables += [getattr(torch.optim, name) for name in ("SGD", "Adagrad", "Adam", "AdamW", "SparseAdam", "RMSprop")]
arguments = {name for f in callables for name in inspect.signature(f).parameters} - {"self"}
optimizers = {name for name, value in vars(torch.optim).items() if inspect.isclass(value) and name != "Optimizer"}
methods = {name for c in (nn.Embedding, nn.EmbeddingBag, torch.optim.Optimizer) for name in vars(c) if not name.startswith("_")}
methods -= {"profile_hook_step", "register_step_pre_hook", "register_step_post_hook"}
missing = (arguments | optimizers | methods) - said
assert not missing, f"the page does not mention {sorted(missing)}"
print(f"{len(arguments)} arguments, {len(optimizers)} optimizers and {len(methods)} methods are on the page")

# Segment Anything's prompt encoder, on a checkpoint of its shape.
dim, size = 64, 1024
state = {"prompt_encoder.pe_layer.positional_encoding_gaussian_matrix": torch.randn(2, dim // 2), "prompt_encoder.not_a_point_embed.weight": torch.randn(1, dim)}
state |= {f"prompt_encoder.point_embeddings.{i}.weight": torch.randn(1, dim) for i in range(4)}
torch.save(state, "sam.pth")
points = torch.tensor([[500, 375], [1000.5, 20], [0, 0], [425, 600], [700, 875]]) + 0.5
labels = torch.tensor([1, 0, -1, 2, 3])
angles = 2 * math.pi * ((2 * points / size - 1) @ state["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"])
tokens = torch.cat([angles.sin(), angles.cos()], dim=-1)
tokens[labels == -1] = state["prompt_encoder.not_a_point_embed.weight"]
for i in range(4):
    tokens[labels == i] += state[f"prompt_encoder.point_embeddings.{i}.weight"]
lines = [line.split(":") for line in run(prompt_embeddings, "sam.pth").splitlines()]
assert [int(label) for label, _ in lines] == labels.tolist()
printed = torch.tensor([[float(x) for x in values.split()] for _, values in lines])
assert torch.allclose(printed, tokens[:, [0, 1, dim // 2, -1]], rtol=0, atol=1e-4), (printed, tokens)
print("prompts are Segment Anything's")
