"""Write `common.txt.xz`, the list of passwords that auth refuses, from two lists that are published and kept.

    uvx --with zxcvbn==4.5.0 --with django==5.2.19 python services/auth/tools/common_passwords.py

zxcvbn's (MIT) are the 30,000 most frequent of several breaches; Django's (BSD-3-Clause) are 19,640 by Royce Williams,
from a breach with 10 million. Together, folded, without those too short to matter and without broken text: about
40,000. Packed they take less room than a filter of them would, and no password is refused by accident.
"""

import gzip
import lzma
from importlib.resources import files
from pathlib import Path

from zxcvbn.frequency_lists import FREQUENCY_LISTS

SHORTEST = 4
TARGET = Path(__file__).parents[1] / "src" / "auth_service" / "passwords" / "common.txt.xz"


def main() -> None:
    """Write the list, sorted, so that the same lists give the same file."""
    django = gzip.decompress((files("django.contrib.auth") / "common-passwords.txt.gz").read_bytes()).decode()
    every = {word.strip().casefold() for word in (*FREQUENCY_LISTS["passwords"], *django.split("\n"))}
    kept = sorted(word for word in every if len(word) >= SHORTEST and word.isascii() and word.isprintable())
    TARGET.write_bytes(lzma.compress("\n".join(kept).encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{len(kept)} passwords, {TARGET.stat().st_size} bytes")  # noqa: T201 - a program for a terminal


if __name__ == "__main__":
    main()
