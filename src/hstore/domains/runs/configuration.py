"""The hash of a run's configuration: SHA-256 of its canonical JSON (RFC 8785), so that other programs get the same."""

from __future__ import annotations

from hstore.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    from _json import encode_basestring as _quoted
except ImportError:  # an interpreter without the accelerator
    from json.encoder import encode_basestring as _quoted


def config_hash(config: Any) -> str:
    """SHA-256, in hex, of a configuration as canonical JSON, as RFC 8785 says. The configuration itself is not kept.

    Whole numbers beyond 2^53, which the RFC does not know, are their digits.

    Raises:
        InvalidInput: it is not JSON.
    """
    from hashlib import sha256

    try:
        return sha256(_canonical(config).encode()).hexdigest()
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput("config: a JSON value (no NaN, no lone surrogates, keys are texts)") from None


def _canonical(value: Any) -> str:
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return str(_quoted(value))
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if not isinstance(value, dict):
        raise TypeError
    return "{" + ",".join(f"{_quoted(key)}:{_canonical(value[key])}" for key in sorted(value, key=_code_units)) + "}"


def _code_units(key: str) -> bytes:
    """What keys are sorted by: their UTF-16, as JavaScript does it."""
    if not isinstance(key, str):
        raise TypeError
    return key.encode("utf-16-be")


def _number(value: float) -> str:
    """The shortest digits that read back the same, as ECMAScript writes them."""
    if not abs(value) < float("inf"):
        raise ValueError
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    if not digits:
        return "0"
    return ("-" if value < 0 else "") + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """Digits with the decimal point behind the first `point` of them."""
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    if 0 < point <= 21:
        return digits.ljust(point, "0") if len(digits) <= point else f"{digits[:point]}.{digits[point:]}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+}"
