"""Arguments of compiled kernels: what is handed over is what the kernel takes, or it is refused."""

from __future__ import annotations

import numpy as np
import pytest

from flowmap.kernels.arrays import Int64
from flowmap.kernels.calling import form_of, held, pointers_and_numbers
from flowmap.kernels.fold_layout import Limits, Table
from flowmap.kernels.fold_marks import rebuild
from flowmap.kernels.frames import ROW, Frames, new_frames
from flowmap.kernels.framing import frame_pcap
from flowmap.kernels.guessing import find_pcap


def table(*entries: int, size: int = 8) -> np.ndarray:
    array = np.zeros(size, np.int64)
    for number, entry in enumerate(entries):
        array[number] = entry
    return array


def test_arrays_are_changed_in_place_and_a_held_one_is_the_same():
    old, new, again = table(1 << 32 | 7, 2 << 32 | 8), table(size=16), table(size=16)
    rebuild(old, new)
    rebuild(held(old, Int64), held(again, Int64))
    assert sorted(new[new != 0].tolist()) == [1 << 32 | 7, 2 << 32 | 8] and (new == again).all()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros(8, np.int32), np.zeros(8, np.float64), np.zeros((2, 4), np.int64), np.zeros(16, np.int64)[::2],
        np.zeros(8, np.int64).astype(">i8"),
    ],
    ids=["width", "kind", "dimensions", "gaps", "byte order"],
)  # fmt: skip
def test_an_array_of_another_form_is_refused(wrong):
    with pytest.raises(TypeError, match="a kernel takes"):
        rebuild(wrong, table())


def test_rows_of_frames_are_refused_unless_they_are_such_rows():
    frames, _ = new_frames(4)
    assert form_of(Frames).packed(frames)
    other = np.zeros(4, [("a", "i8"), ("b", "i8")])
    with pytest.raises(TypeError, match="a kernel takes"):
        form_of(Frames).packed(other)
    with pytest.raises(TypeError, match="a kernel takes"):
        form_of(Frames).packed(np.zeros(4, np.int64))


def test_too_few_arguments_are_refused():
    with pytest.raises(ValueError, match="zip"):
        rebuild(table())


def test_data_that_must_not_be_written_may_be_read():
    data = np.frombuffer(bytes(40), np.uint8)
    assert not data.flags.writeable
    layout = np.array([0, 16, 1000, 0, 1, 1, 1], np.int64)
    assert find_pcap(data, 0, 40, layout, 0, 2) == 0


def test_several_numbers_come_back():
    frames, _ = new_frames(4)
    layout, counters = np.array([0, 16, 1000, 0, 1, 9, 9], np.int64), np.zeros(3, np.int64)
    found = frame_pcap(np.zeros(40, np.uint8), 100, 0, 40, layout, frames, 0, counters)
    assert found == (2, 32, 2) and frames.offset[:2].tolist() == [116, 132]


def test_a_number_is_one_word_and_an_array_seven_or_nine():
    assert list(pointers_and_numbers((form_of(int),))) == [False]
    assert list(pointers_and_numbers((form_of(Limits),))) == [False] * 5
    forms = form_of(Table)
    words = list(pointers_and_numbers((forms,)))
    two_dimensional = sum(getattr(form, "dimensions", 1) == 2 for form in forms.forms)
    assert len(words) == 7 * len(forms.forms) + 2 * two_dimensional and sum(words) == 3 * len(forms.forms)
    assert ROW.itemsize % 8 == 0
