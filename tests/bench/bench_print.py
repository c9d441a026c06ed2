"""bench_print - tables for a terminal or for markdown. Nothing is computed here but widths and units."""


def table(head, lines, markdown=False, left=1):
    """The first columns to the left, the others to the right; an empty line is a rule between blocks."""
    rows = [head] + [line for line in lines if line]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]

    def text(row):
        cells = [cell.ljust(width) if i < left else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))]
        return ("| " + " | ".join(cells) + " |") if markdown else "  ".join(cells).rstrip()

    rule = ["-" * width for width in widths]
    if markdown:
        rule = rule[:left] + [dashes[:-1] + ":" for dashes in rule[left:]]
        lines = [line for line in lines if line]
    return "\n".join([text(head), text(rule)] + [text(line) if line else "" for line in lines])


def heading(text, markdown):
    return f"\n### {text}\n" if markdown else f"\n{text}\n{'=' * len(text)}"


def ratio(value):
    if value is None:
        return "-"
    return f"{value:.0f}x" if value >= 100 else f"{value:.1f}x" if value >= 10 else f"{value:.2f}x"


def ns(value):
    if value is None:
        return "-"
    return f"{value:,.1f}" if abs(value) < 10 else f"{value:,.0f}"


def seconds(value):
    if value is None:
        return "-"
    return f"{value * 1000:,.0f} ms" if value < 10 else f"{value:,.0f} s"


def size(value):
    if value is None:
        return "-"
    if abs(value) < 1024 * 1024:
        return f"{value / 1024:,.0f} KiB"
    mib = value / 1024 / 1024
    return f"{mib:,.1f} MiB" if abs(mib) < 100 else f"{mib:,.0f} MiB"


def count(value):
    return "-" if value is None else f"{value:,}"


def percent(value, of):
    return "-" if value is None or not of else f"±{value / of * 100:.0f} %"
