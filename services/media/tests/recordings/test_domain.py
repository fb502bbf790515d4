"""The waveform, gathered piece by piece."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from media_service.recordings.domain import PEAKS, Waveform


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=600), st.integers(1, 50))
def test_pieces_do_not_change_a_waveform(samples: list[int], size: int) -> None:
    whole, pieces = Waveform(len(samples)), Waveform(len(samples))

    whole.add(array("h", samples))
    for start in range(0, len(samples), size):
        pieces.add(array("h", samples[start : start + size]))

    assert pieces.peaks() == whole.peaks()
    assert len(whole.peaks()) <= PEAKS
    assert max(whole.peaks()) == round(max(max(samples), -min(samples)) * 100 / 32768)


def test_a_sound_that_is_longer_than_it_said_has_no_more_bars() -> None:
    waveform = Waveform(100)

    waveform.add(array("h", [1000] * 1000))

    assert len(waveform.peaks()) == PEAKS


def test_silence_is_flat() -> None:
    waveform = Waveform(50)

    waveform.add(array("h", [0] * 50))

    assert set(waveform.peaks()) == {0}
