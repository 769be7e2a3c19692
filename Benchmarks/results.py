"""What was measured, for people and for programs."""

import json
import os
import platform
import sys


def machine():
    """The cores, the processor and the kernel that figures are to be read with."""
    name = platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    name = line.split(":", 1)[1].strip()
                    break
    except OSError:
        pass
    return {"cores": os.cpu_count(), "cpu": name, "kernel": platform.release()}


def result(name, value, unit, runs, note, floor=None, against_floor=True, ratio=None, most=None, most_ratio=None,
           also=True, **more):
    """One figure. `ratio` is value over floor; null where there is no floor or it means nothing.

    `most` bounds the value, `most_ratio` the ratio: what the figure must reach, told in `target` and judged in `pass`
    (null where it cannot be). `also` is one more condition.
    """
    if ratio is None and against_floor and floor and value is not None:
        ratio = value / floor
    targets, verdicts = [], [also]
    if most_ratio is not None:
        targets.append(f"≤ {most_ratio:g} × floor")
        verdicts.append(None if ratio is None else ratio <= most_ratio)
    if most is not None:
        targets.append(f"≤ {most:g}")
        verdicts.append(None if value is None else value <= most)
    target = more.pop("target", " and ".join(targets) or None)
    passed = None
    if target is not None:
        passed = False if False in verdicts else None if None in verdicts else True
    return {
        "name": name, "value": rounded(value), "unit": unit, "floor": rounded(floor), "ratio": rounded(ratio),
        "target": target, "pass": passed, "runs": [rounded(run) for run in runs], "note": note, **more}


def rounded(value):
    return round(value, 3) if isinstance(value, float) else value


def shown(value):
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def table(results):
    """Aligned columns; the notes follow below, so that lines stay readable in a narrow window."""
    rows = [["name", "value", "unit", "floor", "ratio", "target", "", "runs"]]
    verdicts = {True: "pass", False: "FAIL", None: ""}
    for item in results:
        rows.append([
            item["name"], shown(item["value"]), item["unit"], shown(item["floor"]), shown(item["ratio"]),
            item["target"] or "", verdicts[item["pass"]], " ".join(map(shown, item["runs"]))])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [
            cell.rjust(width) if column in (1, 3, 4) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
        if number == 0:
            lines.append("  ".join("-" * width for width in widths))
    lines.append("")
    lines += [f"{item['name']}: {item['note']}" for item in results if item["note"]]
    return "\n".join(lines)


def write(path, document):
    """Whole or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2, ensure_ascii=False)
        file.write("\n")
    os.replace(path + ".new", path)


def markdown(document):
    """The table of docs/performance.md."""
    verdicts = {True: "yes", False: "**no**", None: ""}
    lines = ["| name | value | unit | floor | ratio | target | reached | runs |", "| --- | ---: | --- | ---: | ---: | --- | --- | --- |"]
    for item in document["results"]:
        cells = [
            f"`{item['name']}`", shown(item["value"]), item["unit"], shown(item["floor"]), shown(item["ratio"]), item["target"] or "",
            verdicts[item["pass"]], " ".join(map(shown, item["runs"]))]
        lines.append("| " + " | ".join("" if cell == "-" else cell for cell in cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    # results.py [FILE]: the Markdown of a run's JSON.
    latest = os.path.join(os.path.dirname(os.path.abspath(__file__)), "results", "latest.json")
    with open(sys.argv[1] if len(sys.argv) > 1 else latest, encoding="utf-8") as file:
        print(markdown(json.load(file)))
