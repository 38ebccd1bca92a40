"""Makes stored text safe to look at: control characters would move the cursor, or say something else than they are."""

from __future__ import annotations

_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))  # reorder what stands around them
_SHORT = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x1B: "\\e"}
_VISIBLE = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    **{code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *_DIRECTIONS)},
    **_SHORT,
}
_JSON = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, *_DIRECTIONS)}


def visible(text: str) -> str:
    r"""`text` on one line, with every control character as an escape; lone surrogates as `\udcXX`."""
    return text.translate(_VISIBLE).encode("utf-8", "backslashreplace").decode("utf-8")


def json_safe(text: str) -> str:
    """JSON text with the control characters that JSON itself lets through as escapes."""
    return text.translate(_JSON)
