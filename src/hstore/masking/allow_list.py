"""Writes false alarms into a file of rules, and takes them out again, leaving the rest of the file as it is."""

from __future__ import annotations

import os

from hstore.errors import InvalidInput
from hstore.masking._rule_fields import allowed_text
from hstore.masking._rule_file import RuleFile, header_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Key = tuple[str, str | None]


def allow(path: str, texts: Sequence[str], rule: str | None = None, reason: str = "") -> list[str]:
    """Add texts to the false alarms of a file, which is made, private, where it is missing; those that are new.

    Args:
        path: the file.
        texts: each the whole text that was masked, nothing around it.
        rule: the id of the rule that masked it; None: no rule masks it any more.
        reason: for whoever reads the file.

    Raises:
        InvalidInput: a text that cannot be allowed, or a file that cannot be read or written.
    """
    before = _content(path)
    known = {_key(entry.fields) for entry in RuleFile(path, before).allow}
    new = [text for text in dict.fromkeys(map(_checked, texts)) if (text, rule) not in known]
    blocks = [_block(text, rule, reason) for text in new]
    if blocks:
        separate = "" if not before or before.endswith("\n\n") else "\n" if before.endswith("\n") else "\n\n"
        _replace(path, before + separate + "\n".join(blocks))
    return new


def disallow(path: str, texts: Sequence[str], rule: str | None = None) -> list[str]:
    """Take texts out of the false alarms of a file; those that were there, by this rule (None: by any or all).

    Raises:
        InvalidInput: the file cannot be read or written, or is laid out so that only a person can change it.
    """
    before = _content(path)
    content = RuleFile(path, before)
    entries = content.allow
    gone = [at for at, entry in enumerate(entries) if _is_meant(_key(entry.fields), texts, rule)]
    if not gone:
        return []
    headers = header_lines(before, "allow")
    after = _without(before, [headers[at] for at in gone]) if len(headers) == len(entries) else before
    content.allow = [entry for at, entry in enumerate(entries) if at not in gone]
    if RuleFile(path, after).content() != content.content():
        raise InvalidInput(f"{path}: the [[allow]] tables are laid out so that only you can take them out")
    _replace(path, after)
    return [entries[at].fields["text"] for at in gone]


def _key(fields: dict[str, str | None]) -> Key:
    return str(fields["text"]), fields["rule"]


def _is_meant(key: Key, texts: Sequence[str], rule: str | None) -> bool:
    return key[0] in texts and rule in (None, key[1])


def _checked(text: str) -> str:
    try:
        return allowed_text(text)
    except ValueError as why:
        raise InvalidInput(f"allow: {why}") from None


def _content(path: str) -> str:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise InvalidInput(f"{path}: not UTF-8, which TOML is") from None
    except OSError as error:
        raise InvalidInput(f"{path}: the masking rules cannot be read: {error.strerror}") from None


def _block(text: str, rule: str | None, reason: str) -> str:
    lines = ["[[allow]]", f"text = {_quoted(text)}"]
    if rule is not None:
        lines.append(f"rule = {_quoted(rule)}")
    if reason:
        lines.append(f"reason = {_quoted(_checked(reason))}")
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _without(text: str, headers: Sequence[int]) -> str:
    """The file without the tables whose headers stand on these lines, counted from 1; comments behind them stay."""
    kept: list[str] = []
    inside = False
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        starts = line.lstrip().startswith("[") and "=" not in line.partition("#")[0]
        inside = number in headers or (inside and not starts)
        if not inside or line.lstrip().startswith("#"):
            kept.append(line)
    return "".join(kept)


def _replace(path: str, text: str) -> None:
    """All of the file or nothing: another process reads either the old rules or the new ones."""
    RuleFile(path, text)
    beside = f"{path}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o600
        with open(
            os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8", newline=""
        ) as file:
            file.write(text)
        os.replace(beside, path)
    except OSError as error:
        raise InvalidInput(f"{path}: the masking rules cannot be written: {error.strerror}") from None
