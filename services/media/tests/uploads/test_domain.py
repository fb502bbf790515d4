"""How files are cut into parts."""

from hypothesis import given
from hypothesis.strategies import integers

from media_service.uploads.domain import MIB, MOST_PARTS, missing_parts, part_size_of, parts_of

GIB = 1024 * MIB


@given(integers(1, 5 * GIB))
def test_parts_make_up_the_file_and_s3_takes_them(size: int) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html: 5 MiB to 5 GiB each, the last may be less."""
    part_size = part_size_of(size)
    parts = parts_of(size, part_size)

    assert sum(parts) == size
    assert len(parts) <= MOST_PARTS
    assert all(part == part_size for part in parts[:-1])
    assert 5 * MIB <= part_size <= 5 * GIB
    assert 0 < parts[-1] <= part_size


def test_a_part_of_another_size_is_missing() -> None:
    assert missing_parts([5, 5, 2], [(1, 5), (2, 4), (4, 9)]) == [2, 3]
