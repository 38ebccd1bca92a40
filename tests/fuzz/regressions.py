"""Inputs that once broke a law, by harness, each with what was wrong; every run begins with them."""

from __future__ import annotations

INPUTS: dict[str, list[bytes]] = {
    "adopted": [
        # a token that the last byte of a write confirms was held, and not marked, until the next write
        b"\x00\x01abcabcabd\x00\xff\x00\x1b[31mdoo_v1_61E13a6AEd9A06beabcaabcabcabd06cD4BEaaDf",
    ],
    "laws": [
        # a link's text inside an overlong name was shown while the name was open, and judged once it was overlong
        b'\x02\x3f\xffKEY\x1b]encryptio key "\x1b\\xxxx.xxxx.xxxx.xxxx.xxxx.xxxx.xxxx.xxxx.xxxx.xxxx.xxxx.xxxx5xE',
        # a write ended in an escape sequence inside "signature=", and without what is behind it that was no anchor
        b"\x02\x0a\xffSIGNATURE\x1b[x=xxxx.xx.6BN.o.r-",
        # while a command was undecided, the value of a name that ends with it was shown
        b'\x02\xff\x05sshpass="hX7!qZ2mhX7!"z',
    ],
    "levels": [
        # a name was judged by the word around its anchor, "rhkey", and not by all its words: "pat" is no anchor
        b"\x02\xff\x05authkey: !glrtr-\x00pat.8m5ETL7Kaurhkey: pamasterauthrm9A2g\x00\x00U\xbah3\xd7\xf29A2gVvNWH8tS\n",
    ],
    "states": [
        b"\x02%\xd3\xcf\x02\xff\x05x pass pass password",  # a saved empty stream counted from a null pointer
        b"\xe7\x10\xdf\x81H\xf8\xff\x03\x9f",  # so did the end of the input, given as NULL
    ],
    "values": [
        # a value whose first letter ends a cut escape sequence was shown when it stood behind the beginning of a value
        b"\x00\x05pass password\x00\xf8\x1b[\xf8",
        b"\x00\x05pass password\x00\xf4\x1b[\xf8.",
    ],
}
