"""Words from gensim through every format that `simdembed convert` writes, and back to gensim: same words, bits and neighbours.

    gensim_agrees.py SIMDEMBED FOLDER
"""
import gzip
import os
import subprocess
import sys

import numpy as np
from gensim.models import KeyedVectors

cli, folder = sys.argv[1:]
os.chdir(folder)
random = np.random.default_rng(1)
words = ["na\u00efve", "\u65e5\u672c", "a\u00a0b", "1.5", "nan"] + [f"word{i}" for i in range(500)]
source = KeyedVectors(vector_size=25)
source.add_vectors(words, random.standard_normal((len(words), 25)).astype(np.float32))
source.save_word2vec_format("source.bin", binary=True)
source.save_word2vec_format("source.vec", binary=False)
with open("source.vec", "rb") as plain, gzip.open("source.vec.gz", "wb") as packed:
    packed.write(plain.read())


def convert(*names):
    for given, made in zip(names, names[1:]):
        subprocess.run([cli, "convert", "--json", given, made], check=True, stdout=subprocess.DEVNULL)
    return names[-1]


def compare(found, what):
    assert found.index_to_key == words, what
    assert np.array_equal(found.vectors, source.vectors), what
    for word in words[::50]:
        assert found.most_similar(word) == source.most_similar(word), (what, word)


for start in ("source.bin", "source.vec", "source.vec.gz"):
    compare(KeyedVectors.load_word2vec_format(convert(start, "words.bin"), binary=True), start)
    compare(KeyedVectors.load_word2vec_format(convert(start, "words.vec"), binary=False), start)
    compare(KeyedVectors.load_word2vec_format(convert(start, "words.txt"), binary=False, no_header=True), start)
    way = ("words.txt", "words.safetensors", "words.pth", "words.npz", "back.bin")
    compare(KeyedVectors.load_word2vec_format(convert(start, *way), binary=True), way)

archive = np.load("words.npz")
text, offsets = archive["weight.words"].tobytes(), archive["weight.word_offsets"]
assert [text[offsets[i]:offsets[i + 1]].decode() for i in range(len(offsets) - 1)] == words
assert np.array_equal(archive["weight"], source.vectors)
