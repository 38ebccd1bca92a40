"""What the figures of use come back as: features, measurements, saved time, and their summaries."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple


class FeatureUse(NamedTuple):
    """One use of a feature; while it goes on, `completed_at` and `success` are None."""

    id: int
    session: str | None
    feature: str
    category: str
    context: Any
    started_at: datetime
    completed_at: datetime | None
    success: bool | None
    error: str | None


class FeatureAdoption(NamedTuple):
    """How much a feature is used: completed uses, sessions that used it, share that succeeded, mean seconds."""

    category: str
    feature: str
    uses: int
    sessions: int
    success_rate: float
    average_duration: float


class Metric(NamedTuple):
    """One measurement of an operation; `duration` is seconds, `memory` bytes."""

    id: int
    operation: str
    details: Any
    started_at: datetime
    duration: float
    success: bool
    error_type: str | None
    memory: int | None
    tokens: int | None
    cache_hit: bool


class OperationSummary(NamedTuple):
    """The measurements of an operation together; durations are seconds, the shares from 0 to 1.

    `p50` and `p95` are nearest-rank percentiles: durations that were measured, not values between two.
    """

    operation: str
    measurements: int
    success_rate: float
    cache_hit_rate: float
    average: float
    p50: float
    p95: float
    longest: float
    tokens: int


class ProductivityEvent(NamedTuple):
    """Work done in `actual` seconds instead of an estimated `estimate`; `improvement` is per cent of the estimate."""

    id: int
    session: str | None
    type: str
    estimate: float
    actual: float
    saved: float
    improvement: float
    context: Any
    satisfaction: int | None
    created_at: datetime


class ProductivitySummary(NamedTuple):
    """The events of a type together; times are seconds, `average_satisfaction` is None where nobody gave any."""

    type: str
    events: int
    average_saved: float
    total_saved: float
    average_improvement: float
    average_satisfaction: float | None


class ProductivityDay(NamedTuple):
    """The events of a type on one day of the reader's time zone; times are seconds."""

    date: date
    type: str
    events: int
    average_saved: float
    average_improvement: float
    total_saved: float


class KnowledgeGrowth(NamedTuple):
    """Knowledge of a type that was added on one day of the reader's time zone."""

    date: date
    type: str
    items: int
    average_confidence: float


class RunsOfDay(NamedTuple):
    """The runs that began on one day of the reader's time zone; `running` ones have no end yet, the rest failed."""

    date: date
    runs: int
    ok: int
    running: int


class ProgramRuns(NamedTuple):
    """The runs of a program; the rate is of those that are over, and times are seconds: None where there are none."""

    app: str
    runs: int
    success_rate: float | None
    average_duration: float | None
    longest: float | None


class SlowRun(NamedTuple):
    """A run that took `duration` seconds; `name` is its own, or else its program's."""

    id: int
    name: str
    duration: float
    status: str
