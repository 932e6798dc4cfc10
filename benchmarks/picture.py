"""Draws the last figures of `side_by_side.py`: build/benchmarks/side_by_side.json -> docs/pictures/performance.png."""

import json
import statistics

import matplotlib as mpl
import matplotlib.pyplot as plt
import side_by_side
import stage

PICTURE = stage.ROOT / "docs" / "pictures" / "performance.png"
SHOWN = (
    "CPU per 1,000 at 100/s",
    "CPU per 1,000, 16 in flight",
    "acknowledgement p99 at 100/s",
    "command to reply beyond HighLevel, p50",
    "start to the first answer",
    "memory, idle",
    "memory after 10,000 commands",
)
OURS, TWINS, BAR = "#2563eb", "#9ca3af", "#b91c1c"


def main() -> None:
    mpl.use("Agg")
    found: dict[str, dict[str, list[float]]] = json.loads(side_by_side.OUT.read_text(encoding="utf-8"))
    shown = [figure for figure in SHOWN if figure in found]
    picture, panels = plt.subplots(len(shown), 1, figsize=(9, 1.75 * len(shown)), layout="constrained", squeeze=False)
    for figure, panel in zip(shown, panels.flat, strict=True):
        about, measured = side_by_side.FIGURES[figure], found[figure]
        names = list(reversed(measured))
        medians = [statistics.median(measured[name]) for name in names]
        spread = [
            [median - min(measured[name]) for name, median in zip(names, medians, strict=True)],
            [max(measured[name]) - median for name, median in zip(names, medians, strict=True)],
        ]
        colours = [OURS if name in side_by_side.OURS else TWINS for name in names]
        panel.barh(names, medians, xerr=spread, color=colours, ecolor="#111827", capsize=2, height=0.7)
        bars = [about.at_most] if about.at_most is not None else []
        if about.times is not None and about.twin in measured:
            bars.append(about.times * statistics.median(measured[about.twin]))
        if bars:
            panel.axvline(min(bars), color=BAR, linestyle="--", linewidth=1.2)
        panel.set_title(f"{figure}, {about.unit}", loc="left", fontsize=10)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    picture.suptitle(
        "Medians with least and most; less is better; dashed: the bar, for the bot over SQLite",
        fontsize=8,
    )
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(PICTURE, dpi=110)
    print(f"{PICTURE.relative_to(stage.ROOT)} is drawn.")


if __name__ == "__main__":
    main()
