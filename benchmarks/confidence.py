"""How well confidence tells right from wrong answers: ours beside that of other tools, on the same responses.

python -m benchmarks.confidence --answers AUDIT/answers.jsonl --others NAME=SCORES.jsonl ... --out DIR

Scores hold a question, the tool's own response to it and any number of confidences, larger the surer. A question whose
response is not the same everywhere is left out; a tool may have scored a part of the questions. Intervals and tests
draw the questions again, the same for all.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from closedbook import machine
from closedbook.audit.reliability import mann_whitney
from closedbook.audit.signals import NEEDS
from closedbook.errors import UserError

OURS, DEFAULT = "closedbook", "sequence_probability"
SIGNALS = (*NEEDS, "paraphrase_agreement", "probe")
DRAWS, SEED, CHUNK = 10_000, 0, 1000


@dataclass(frozen=True, kw_only=True)
class Table:
    """Right and wrong, and the confidence by tool and signal, nan where a tool tells none."""

    relations: np.ndarray
    right: np.ndarray
    values: dict[tuple[str, str], np.ndarray]
    left_out: int  # questions with differing responses


@dataclass(frozen=True, kw_only=True)
class Difference:
    """AUROC less that of one of ours, with a 95 % interval; p is corrected over the other tools' signals (Holm)."""

    value: float
    low: float
    high: float
    p: float
    corrected: float | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One signal."""

    tool: str
    signal: str
    questions: int
    auroc: float
    low: float
    high: float
    by_relation: dict[str, float]
    to_best: Difference | None
    to_default: Difference | None


def read(answers: Path, others: Sequence[tuple[str, Path]]) -> Table:
    """Everything by question.

    Args:
        answers: Of an audit.
        others: A tool and a file of its scores; a tool may have several.
    """
    ours = {row["question"]: row for row in _lines(answers)}
    theirs = [(tool, {row["question"]: row for row in _lines(path)}) for tool, path in others]
    same = [
        question
        for question, row in ours.items()
        if all(question not in rows or _plain(rows[question]) == _plain(row) for _, rows in theirs)
    ]
    if not same:
        raise UserError("No question has the same response everywhere.")
    values = {(OURS, name): _column(ours, same, name) for name in SIGNALS if name in ours[same[0]]}
    for tool, rows in theirs:
        names = dict.fromkeys(name for row in rows.values() for name, value in row.items() if isinstance(value, float))
        values |= {(tool, name): _column(rows, same, name) for name in names}
    return Table(
        relations=np.array([ours[question]["relation"] for question in same]),
        right=np.array([ours[question]["right"] for question in same]),
        values=values,
        left_out=len(ours) - len(same),
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _plain(row: Mapping[str, Any]) -> str:
    return " ".join(str(row["response"]).split())


def _column(rows: Mapping[str, Mapping[str, Any]], questions: Sequence[str], name: str) -> np.ndarray:
    return np.array([rows.get(question, {}).get(name) for question in questions], dtype=np.float64)


def drawn(right: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """AUROC on questions drawn again, DRAWS times; the draws depend on nothing but their number of questions."""
    generator = np.random.default_rng(SEED)
    values = []
    for _ in range(0, DRAWS, CHUNK):
        index = generator.integers(len(right), size=(CHUNK, len(right)))
        values.append(mann_whitney(right[index], signal[index]))
    return np.concatenate(values)


def difference(right: np.ndarray, signal: np.ndarray, ours: np.ndarray) -> Difference:
    """On the questions where both are numbers; p is twice the smaller share of draws on either side of 0."""
    both = np.isfinite(signal) & np.isfinite(ours)
    right, signal, ours = right[both], signal[both], ours[both]
    draws = drawn(right, signal) - drawn(right, ours)
    low, high = np.quantile(draws, [0.025, 0.975])
    side = min((draws <= 0).sum(), (draws >= 0).sum()) + 1
    return Difference(
        value=float(mann_whitney(right, signal) - mann_whitney(right, ours)),
        low=float(low),
        high=float(high),
        p=float(min(2 * side / (DRAWS + 1), 1.0)),
    )


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979)."""
    order = np.argsort(values)
    scaled = np.array(values)[order] * np.arange(len(values), 0, -1)
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(value) for value in corrected]


def compare(table: Table) -> list[Row]:
    """Every signal, the best first, with its difference to our best and to our default."""
    told = {key: values for key, values in table.values.items() if _auroc(table.right, values) is not None}
    area = {key: _auroc(table.right, values) or 0.0 for key, values in told.items()}
    best = max((key for key in told if key[0] == OURS), key=lambda key: area[key])
    to_best = _against(table, told, best)
    to_default = to_best if best == (OURS, DEFAULT) else _against(table, told, (OURS, DEFAULT))
    rows = []
    for key in sorted(told, key=lambda key: -area[key]):
        there = np.isfinite(told[key])
        low, high = np.nanquantile(drawn(table.right[there], told[key][there]), [0.025, 0.975])
        by_relation = {
            str(name): _auroc(table.right[table.relations == name], told[key][table.relations == name])
            for name in dict.fromkeys(table.relations.tolist())
        }
        rows.append(
            Row(
                tool=key[0],
                signal=key[1],
                questions=int(there.sum()),
                auroc=area[key],
                low=float(low),
                high=float(high),
                by_relation={name: value for name, value in by_relation.items() if value is not None},
                to_best=to_best.get(key),
                to_default=to_default.get(key),
            )
        )
    return rows


def _auroc(right: np.ndarray, signal: np.ndarray) -> float | None:
    """Of the questions where it is a number, None where these are all right or all wrong."""
    there = np.isfinite(signal)
    value = float(mann_whitney(right[there], signal[there])) if there.any() else np.nan
    return None if np.isnan(value) else value


def _against(
    table: Table, values: Mapping[tuple[str, str], np.ndarray], one: tuple[str, str]
) -> dict[tuple[str, str], Difference]:
    """The difference of every signal to one of ours; Holm's correction counts the other tools' alone."""
    found = {key: difference(table.right, signal, values[one]) for key, signal in values.items() if key != one}
    others = [key for key in found if key[0] != OURS]
    for key, corrected in zip(others, holm([found[key].p for key in others]), strict=True):
        found[key] = Difference(**{**asdict(found[key]), "corrected": corrected})
    return found


def as_tsv(rows: Sequence[Row]) -> str:
    """The table for reading."""
    relations = list(rows[0].by_relation)
    head = ["tool", "signal", "questions", "auroc", "interval", *relations]
    lines = [[*head, "to our best", "interval", "p (Holm)", "to our sequence probability", "interval", "p (Holm)"]]
    for row in rows:
        cells = [row.tool, row.signal, str(row.questions), f"{row.auroc:.3f}", f"{row.low:.3f} to {row.high:.3f}"]
        cells += [f"{row.by_relation[name]:.3f}" if name in row.by_relation else "" for name in relations]
        for other in (row.to_best, row.to_default):
            p = None if other is None else other.corrected
            cells += ["", ""] if other is None else [f"{other.value:+.3f}", f"{other.low:+.3f} to {other.high:+.3f}"]
            cells.append("" if p is None else f"{p:.4f}")
        lines.append(cells)
    return "".join("\t".join(cells) + "\n" for cells in lines)


def main() -> None:
    """Writes confidence.json and confidence.tsv."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=Path, required=True)
    parser.add_argument("--others", nargs="+", default=[], help="NAME=SCORES.jsonl")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    others = [(name, Path(path)) for name, _, path in (text.partition("=") for text in options.others)]
    table = read(options.answers, others)
    rows = compare(table)
    report = {
        "machine": machine.describe(torch.device("cpu")),
        "questions": len(table.right),
        "right": int(table.right.sum()),
        "left_out": table.left_out,
        "draws": DRAWS,
        "seed": SEED,
        "rows": [asdict(row) for row in rows],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "confidence.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (options.out / "confidence.tsv").write_text(as_tsv(rows), encoding="utf-8")
    print(f"{len(table.right)} questions, {table.left_out} left out for differing responses")
    print(as_tsv(rows))


if __name__ == "__main__":
    main()
