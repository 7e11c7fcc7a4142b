"""How far the work is, shown with tqdm."""

from __future__ import annotations

from typing import Any


class Bars:
    """A tqdm bar for each stage of each benchmark."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._bar: Any = None
        self._of: tuple[str, str] | None = None

    def __call__(self, benchmark: str, stage: str, done: int, total: int | None) -> None:
        if self._of != (benchmark, stage):
            self.close()
            unit = "B" if stage == "downloading" else "rows"
            self._bar = self._tqdm(desc=f"{benchmark}: {stage}", total=total, unit=unit, unit_scale=True, leave=False)
            self._of = (benchmark, stage)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Ends the bar that is shown."""
        if self._bar is not None:
            self._bar.close()
            self._bar = self._of = None


def bars() -> Bars | None:
    """Bars where tqdm is installed."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return Bars(tqdm)
