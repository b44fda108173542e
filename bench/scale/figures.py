"""What a part of the measurement finds: limits with what was measured, curves, and figures that are only told."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

Say = Callable[[str], None]
"""Shows how far the measurement is."""

FLAT = 1.5
"""The last point of a curve may be so many times the median of those before. Where each request goes to another of ten thousand
partitions the processor's caches hold none of them; and on a virtual machine the same work is a third dearer at times."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What must hold: `value` is at most `limit`."""

    what: str
    value: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether it holds."""
        return self.value <= self.limit


@dataclass(slots=True)
class Curve:
    """Costs of requests against how much there is of something. `lines`: by kind of request, one value for each of `counts`.

    `must_be_flat` is False where more is asked for with each step, for comparison.
    """

    title: str
    of: str
    counts: Sequence[int]
    unit: str = "µs"
    lines: dict[str, list[float]] = field(default_factory=dict)
    must_be_flat: bool = True

    def add(self, name: str, value: float) -> None:
        """Add the next point of a line."""
        self.lines.setdefault(name, []).append(value)

    def growth(self) -> tuple[str, float]:
        """Which line's last point is most above the median of those before it, and how many times that."""
        times = {name: values[-1] / statistics.median(values[:-1]) for name, values in self.lines.items()}
        return max(times.items(), key=lambda each: each[1])


@dataclass(slots=True)
class Figures:
    """All of a part."""

    limits: list[Limit] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    told: list[tuple[str, float, str]] = field(default_factory=list)

    def tell(self, what: str, value: float, unit: str) -> None:
        """Add a figure that has no limit."""
        self.told.append((what, value, unit))

    def must(self, what: str, value: float, limit: float, unit: str) -> None:
        """Add a figure that has one."""
        self.limits.append(Limit(what, value, limit, unit))

    def draw(self, curve: Curve) -> None:
        """Add a curve, and the limit that it does not grow."""
        self.curves.append(curve)
        if curve.must_be_flat:
            name, times = curve.growth()
            self.must(f"{curve.title}: cost of the request that grows most ({name})", times, FLAT, "x")

    def document(self) -> dict[str, object]:
        """As JSON keeps it."""
        return asdict(self)


def restored(document: dict[str, list[dict[str, object]]]) -> Figures:
    """Return the figures that `document` gave."""
    return Figures(
        [Limit(**each) for each in document["limits"]],  # type: ignore[arg-type]  # as they were written
        [Curve(**each) for each in document["curves"]],  # type: ignore[arg-type]  # as they were written
        [tuple(each) for each in document["told"]],  # type: ignore[misc]  # as they were written
    )
