"""Flags: declared once, decoded everywhere."""

import numpy as np
import pytest

from kinmis.flags import FLAGS, decode_flags, flag_bits


def test_bits_and_names_are_unique_and_without_gaps():
    assert [flag.bit for flag in FLAGS] == list(range(len(FLAGS)))
    assert len({flag.name for flag in FLAGS}) == len(FLAGS)
    assert all(flag.description[0].isupper() for flag in FLAGS)


def test_every_flag_goes_there_and_back():
    for flag in FLAGS:
        assert decode_flags(flag_bits(flag.name)) == [flag.name]
    everything = flag_bits(*(flag.name for flag in FLAGS))
    assert decode_flags(everything) == [flag.name for flag in FLAGS]


def test_columns_and_masked_values():
    assert decode_flags(np.ma.array([1, 2], mask=[False, True])) == [["NO_DATA"], []]
    assert decode_flags(np.array([], dtype=np.int32)) == []


def test_unknown_bits_and_names_are_told():
    with pytest.raises(ValueError, match="has a bit that no flag has"):
        decode_flags(1 << 40)
    with pytest.raises(TypeError, match="whole numbers"):
        decode_flags(1.5)
    with pytest.raises(KeyError, match="there is no flag 'TYPO'"):
        flag_bits("TYPO")
