"""PyTorch as a peer: gets the data as .npy, does a workload on request and times itself.

One JSON object per line on standard input, one per line back. Each workload takes the fastest route that PyTorch has.
"""
import json
import sys
import time

import numpy
import torch
from torch.nn import functional

BATCHES = 8


class Workload:
    def __init__(self, request):
        self.request = request
        self.batches = [torch.from_numpy(batch) for batch in numpy.load(request["indices"])]
        self.turn = 0

    def seconds(self, calls):
        call, batches, turn = self.call, self.batches, self.turn
        start = time.perf_counter()
        for i in range(turn, turn + calls):
            call(batches[i % BATCHES])
        elapsed = time.perf_counter() - start
        self.turn = (turn + calls) % BATCHES
        return elapsed

    def tensor(self, name):
        return torch.from_numpy(numpy.load(self.request[name]))

    def touched_rows(self, matrix):
        return matrix[torch.unique(self.batches[0])]


class Lookup(Workload):
    def __init__(self, request, table):
        super().__init__(request)
        self.table = table
        self.output = torch.empty(len(self.batches[0]), table.shape[1])

    def call(self, indices):
        torch.index_select(self.table, 0, indices, out=self.output)

    def first(self):
        self.call(self.batches[0])
        return self.output


class Bag(Workload):
    def __init__(self, request, table):
        super().__init__(request)
        self.table = table
        self.offsets = torch.arange(0, len(self.batches[0]), request["bag_length"])
        self.weights = self.tensor("weights") if request["weighted"] else None
        self.mode = request["pooling"]

    def call(self, indices):
        return functional.embedding_bag(indices, self.table, self.offsets, mode=self.mode, per_sample_weights=self.weights)

    def first(self):
        return self.call(self.batches[0])


class HalfBag(Bag):
    def __init__(self, request, table):
        super().__init__(request, table.to({"Float16": torch.float16, "BFloat16": torch.bfloat16}[request["codec"]]))

    def first(self):
        return self.call(self.batches[0]).float()


class QuantizedBag(Workload):
    """Rows packed with their scale and bias: sums only."""

    def __init__(self, request, table):
        super().__init__(request)
        bits = {"Int8": "byte", "Int4": "4bit", "Int2": "2bit"}[request["codec"]]
        self.packed = getattr(torch.ops.quantized, f"embedding_bag_{bits}_prepack")(table)
        self.pool = getattr(torch.ops.quantized, f"embedding_bag_{bits}_rowwise_offsets")
        self.offsets = torch.arange(0, len(self.batches[0]), request["bag_length"])

    def call(self, indices):
        return self.pool(self.packed, indices, self.offsets)

    def first(self):
        return self.call(self.batches[0])


class Backward(Workload):
    """The dense gradient; PyTorch refuses to scale a sparse one by frequency, and leaves it with its duplicates."""

    def __init__(self, request, table):
        super().__init__(request)
        self.rows = len(table)
        self.gradient = self.tensor("gradient")
        self.by_frequency = request["by_frequency"]

    def call(self, indices):
        return torch.ops.aten.embedding_dense_backward(self.gradient, indices, self.rows, -1, self.by_frequency)

    def first(self):
        return self.touched_rows(self.call(self.batches[0]))


class Step(Workload):
    def __init__(self, request, table):
        super().__init__(request)
        self.embedding = torch.nn.Embedding.from_pretrained(table.clone(), freeze=False, sparse=True)
        self.gradient = self.tensor("gradient")
        parameters = self.embedding.parameters()
        rule = request["rule"]
        if rule == "Adagrad":
            self.optimizer = torch.optim.Adagrad(parameters)
        elif rule == "SparseAdam":
            self.optimizer = torch.optim.SparseAdam(parameters)
        else:
            self.optimizer = torch.optim.SGD(parameters, lr=request["learning_rate"])

    def call(self, indices):
        with torch.enable_grad():
            self.optimizer.zero_grad(set_to_none=True)
            self.embedding(indices).backward(self.gradient)
            self.optimizer.step()

    def first(self):
        self.call(self.batches[0])
        return self.touched_rows(self.embedding.weight)


class Renorm(Workload):
    """A limit that falls a little with every call, so that every touched row is above it each time."""

    def __init__(self, request, table):
        super().__init__(request)
        self.table = table.clone()
        self.limit = request["first_limit"]
        self.round = 0
        self.rows = torch.unique(torch.cat(self.batches))
        self.before = self.table[self.rows]

    def call(self, indices):
        output = functional.embedding(indices, self.table, max_norm=self.limit)
        self.limit *= self.request["limit_decay"]
        self.round += 1
        if self.round == self.request["limits_per_round"]:
            self.table[self.rows] = self.before
            self.limit, self.round = self.request["first_limit"], 0
        return output

    def first(self):
        return self.call(self.batches[0])


class Seed(Workload):
    def __init__(self, request, table):
        super().__init__(request)
        self.embedding = torch.nn.Embedding.from_pretrained(table.clone(), freeze=False)
        self.vector = torch.tensor(request["vector"]).reshape(-1, 1)
        self.target = torch.full((len(self.batches[0]), 1), float(request["target"]))
        self.optimizer = torch.optim.SGD(self.embedding.parameters(), lr=request["learning_rate"])

    def call(self, indices):
        with torch.enable_grad():
            loss = functional.mse_loss(self.embedding(indices) @ self.vector, self.target)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()

    def first(self):
        self.call(self.batches[0])
        return self.embedding.weight


class Load(Workload):
    def __init__(self, request, table):
        super().__init__(request)

    def call(self, indices):
        return torch.load(self.request["checkpoint"], map_location="cpu")

    def first(self):
        return self.call(None)[self.request["key"]][: self.request["rows_of_table"]]


KINDS = {kind.__name__: kind for kind in (Lookup, Bag, HalfBag, QuantizedBag, Backward, Step, Renorm, Seed, Load)}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.set_grad_enabled(False)
    workload, table_path, table = None, None, None
    for line in sys.stdin:
        request = json.loads(line)
        if "calls" in request:
            answer = {"seconds": workload.seconds(request["calls"])}
        else:
            workload = None
            if request["table"] != table_path:
                table = None
                table_path, table = request["table"], torch.from_numpy(numpy.load(request["table"]))
            kind = request["kind"]
            if kind == "Bag" and request["codec"] != "Float32":
                kind = "HalfBag" if "Float16" in request["codec"] else "QuantizedBag"
            try:
                workload = KINDS[kind](request, table)
                numpy.save(request["outcome"], workload.first().detach().numpy())
                answer = {}
            except RuntimeError as error:
                answer = {"refused": str(error).splitlines()[0]}
        print(json.dumps(answer), flush=True)


main()
