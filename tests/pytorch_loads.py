"""Loads a file written by `simdembed demo --json` with real PyTorch and compares it, bit for bit, with the printed table.

    pytorch_loads.py FILE.pth DEMO.json
"""
import json
import sys

import torch

path, report = sys.argv[1:]
with open(report, encoding="utf-8") as file:
    expected = json.load(file)["training"]["tableAfter"]
for options in ({}, {"weights_only": True}):
    state = torch.load(path, **options)
    assert list(state) == ["emb.weight"], list(state)
    weight = state["emb.weight"]
    assert weight.dtype == torch.float32
    assert torch.equal(weight, torch.tensor(expected, dtype=torch.float32)), (weight, expected)
    module = torch.nn.Embedding(*weight.shape)
    keys = {name.removeprefix("emb."): value for name, value in state.items()}
    assert str(module.load_state_dict(keys)) == "<All keys matched successfully>"
print(f"PyTorch {torch.__version__} loads {path}: {list(weight.shape)}")
