"""The samples of a seed, and what a masker makes of them: secrets gone, look-alikes touched."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from hstore.masking import telling_name

from .kinds import KINDS, Kind
from .lookalikes import draw_lookalikes
from .notations import NOTATIONS, Notation, write

FRAMED = 12
"""How often a type is drawn that fits its own surroundings only."""
Mask = Callable[[bytes], bytes]


class Sample(NamedTuple):
    """A text; with a secret in it, or a look-alike without one (`secret` is empty then)."""

    kind: str
    """The secret's type, or the look-alike's group."""
    notation: str
    text: str
    secret: str = ""


@dataclass
class Report:
    """What was counted."""

    secrets: Counter[str] = field(default_factory=Counter)
    """Secrets by type, and under `*` all of them."""
    missed: Counter[str] = field(default_factory=Counter)
    notations: Counter[str] = field(default_factory=Counter)
    missed_notations: Counter[str] = field(default_factory=Counter)
    lookalikes: Counter[str] = field(default_factory=Counter)
    touched: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[Sample, str]] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Per cent of the secrets that are gone."""
        return 100 - 100 * self.missed["*"] / max(1, self.secrets["*"])

    @property
    def untouched(self) -> float:
        """Per cent of the look-alikes that came out as they went in."""
        return 100 - 100 * self.touched["*"] / max(1, self.lookalikes["*"])


SUFFIXES = {
    "client-id": "client_id", "access-id": "access_id", "api-id": "user_api_id", "client-secret": "client_secret",
    "secret": "secret", "password": "password", "token": "token",
}  # fmt: skip
"""What a name ends in, by the first of these that the type's id holds; `api_key` where there is none."""


def names_of(kind: Kind) -> list[str]:
    """Identifiers that hold such a secret: as the type is called, and the vendor's name with `token`."""
    suffix = next((word for part, word in SUFFIXES.items() if part in kind.id), "api_key")
    names = []
    for name in kind.names:
        names += [name] if telling_name(name) else [f"{name}_{suffix}", f"{name}_token"]
    return names


def fits(notation: Notation, value: str) -> bool:
    """Whether the value can stand in this notation as it is."""
    return "\n" not in value or (notation.group in {"go", "javascript", "python"} and "{s}" in notation.template)


def corpus(seed: int = 1) -> list[Sample]:
    """Secrets of every type in every notation, and the look-alikes."""
    drawn = random.Random(seed)
    samples = []
    for kind in KINDS:
        if kind.frame != "{}":
            values = [kind.draw(drawn) for _ in range(FRAMED)]
            samples += [Sample(kind.id, "frame", kind.frame.replace("{}", value), value) for value in values]
            continue
        for notation in NOTATIONS:
            value = kind.draw(drawn)
            if fits(notation, value):
                samples.append(
                    Sample(kind.id, notation.id, write(notation, drawn.choice(names_of(kind)), value), value)
                )
    return samples + [Sample(group, "look-alike", text) for group, text in draw_lookalikes(drawn)]


def is_gone(secret: str, output: str) -> bool:
    """Neither the secret nor half of it is left."""
    half = max(6, len(secret) // 2)
    return secret not in output and secret[:half] not in output and secret[-half:] not in output


def measure(mask: Mask, samples: Iterable[Sample]) -> Report:
    """Run each sample through the masker by itself."""
    report = Report()
    for sample in samples:
        output = mask(sample.text.encode()).decode(errors="replace")
        if sample.secret:
            tables = (
                (report.secrets, report.missed, sample.kind),
                (report.notations, report.missed_notations, sample.notation),
            )
            failed = not is_gone(sample.secret, output)
        else:
            tables = ((report.lookalikes, report.touched, sample.kind),)
            failed = output != sample.text
        for total, bad, name in tables:
            total.update((name, "*"))
            if failed:
                bad.update((name, "*"))
        if failed:
            report.failures.append((sample, output))
    return report
