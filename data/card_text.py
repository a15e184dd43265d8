"""The dataset card for people: `card_text(card)` -> Markdown, from what card.json holds."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from polygon.markdown import markdown_table


def card_text(card: dict[str, Any]) -> str:
    """Markdown of a card as `data.card.write_card` puts it together."""
    settings, figures = card["settings"]["card"], card["figures"]
    looked_at = "all rows" if settings["rows"] is None else f"the first {settings['rows']:,} rows of every split"
    parts = [
        f"# {card['name']}",
        f"Made by `python -m data.prepare`; card.json has all numbers and settings. Figures are of {looked_at}, which "
        f"are in random order; counts are of all rows. {_codec(card['settings']['codec'])}",
        "![samples with their targets (green), answers (yellow) and visual prompts (blue)](card.png)"
        if settings["sheet"]
        else "",
        "## Rows",
        _counts(card["rows"]),
        "\n".join(f"- {line}" for line in card["checks"]),
        "## Figures",
        markdown_table(["", *figures], _figure_rows(list(figures.values()))),
        "Oracle IoU is that of the targets with themselves, written as answers and read back: what a model that "
        "answered perfectly would score.",
        "## Tokens",
        _tokens(settings, figures),
        "## Histograms",
        *(_histogram(name, title, figures) for name, title in _HISTOGRAMS.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def over_limits(card: dict[str, Any]) -> list[str]:
    """A line for everything that has more tokens than a model will take, with what to set."""
    lines = []
    for place, column in card["figures"].items():
        for name, found in column.get("tokens", {}).items():
            if found["over_limit"]:
                key, remedy = _LIMITS[name]
                lines.append(
                    f"{place}: {found['over_limit']} of {found['n']} {name}s have more tokens than "
                    f"card.{key}={found['limit']}, up to {found['max']:.0f} ({found['longest']}): {remedy}"
                )
    return lines


_LIMITS = {
    "prompt": ("max_prompt_length", "set vlm.max_prompt_length for training, or shrink the photographs"),
    "answer": ("max_response_length", "set vlm.max_response_length for training, or codec.max_vertices here"),
    "sequence": ("max_length", "set data.max_length for SFT, or codec.max_vertices here"),
}
_HISTOGRAMS = {
    "expression_words": "Words of an expression",
    "area": "Area, share of the image",
    "parts": "Parts of a target",
    "holes": "Holes of a target",
}


def _codec(codec: dict[str, Any]) -> str:
    return f"Codec: {', '.join(f'{key}={value}' for key, value in codec.items() if value is not None)}."


def _counts(rows: dict[str, list[dict]]) -> str:
    tasks = sorted({entry["task"] for entries in rows.values() for entry in entries})
    lines = []
    for place, entries in rows.items():
        for source in sorted({entry["source"] for entry in entries}):
            by_task = {entry["task"]: entry["rows"] for entry in entries if entry["source"] == source}
            lines.append([place, source, *(by_task.get(task, 0) for task in tasks), sum(by_task.values())])
    return markdown_table(["split", "source", *tasks, "all"], [[_number(cell) for cell in line] for line in lines])


def _figure_rows(columns: Sequence[dict]) -> Iterable[list[str]]:
    def row(title: str, cell: Callable[[dict], Any]) -> list[str]:
        return [title, *(_number(cell(column)) for column in columns)]

    def part(name: str, key: str) -> Callable[[dict], Any]:
        return lambda column: (column[name] or {}).get(key)

    yield row("rows looked at", lambda column: column["rows_looked_at"])
    yield row("without a target", lambda column: column["without_target"])
    yield row("answers that cannot be read", lambda column: column["unreadable_answers"])
    yield row("words of an expression, mean", part("expression_words", "mean"))
    yield row("area, median share of the image", part("area", "median"))
    yield row("oracle IoU, mean", part("oracle_iou", "mean"))
    yield row("oracle IoU, 5th percentile", part("oracle_iou", "p5"))
    yield row("vertices, mean", part("vertices", "mean"))
    yield row("vertices, 95th percentile", part("vertices", "p95"))


def _tokens(settings: dict, figures: dict[str, dict]) -> str:
    if settings["tokenizer"] is None:
        return "Not counted: name a vision-language model in `card.tokenizer`."
    lines = []
    for place, column in figures.items():
        for name, found in column["tokens"].items():
            cells = (found[key] for key in ("mean", "p95", "max", "limit", "over_limit"))
            lines.append([place, name, *map(_number, cells), f"`{found['longest']}`"])
    header = ["split", "of", "mean", "95th percentile", "longest", "limit", "over the limit", "the longest"]
    return (
        f"By `{settings['tokenizer']}`, chat template, image and end token included.\n\n{markdown_table(header, lines)}"
    )


def _histogram(name: str, title: str, figures: dict[str, dict]) -> str:
    columns = [column["histograms"][name] for column in figures.values()]
    lines = []
    for label in columns[0]:
        shares = (column[label] / total if (total := sum(column.values())) else None for column in columns)
        lines.append([label, *("" if share is None else f"{100 * share:.1f} %" for share in shares)])
    return markdown_table([title, *figures], lines)


def _number(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if value >= 10 else f"{value:.3f}"
