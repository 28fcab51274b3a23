"""Draws depend on seed, purpose and index, and on nothing else."""

import numpy as np

from skycrane.draws import generator, key32


def test_same_key_same_draws_whatever_came_before():
    wanted = generator(1, "wind", 7).standard_normal(5)
    generator(1, "wind", 6).standard_normal(100)
    np.testing.assert_array_equal(generator(1, "wind", 7).standard_normal(5), wanted)


def test_seed_purpose_and_index_each_matter():
    keys = {key32(s, p, i) for s in (0, 1) for p in ("a", "b") for i in (0, 1)}
    assert len(keys) == 8
    draws = [generator(s, p, i).random() for s in (0, 1) for p in ("a", "b") for i in (0, 1)]
    assert len(set(draws)) == 8


def test_streams_of_neighbouring_indices_are_uncorrelated():
    a = np.stack([generator(3, "x", i).standard_normal(2000) for i in range(8)])
    off_diagonal = np.corrcoef(a)[~np.eye(8, dtype=bool)]
    assert np.abs(off_diagonal).max() < 0.1
