"""What was measured, as a table for people, as TSV, as JSON, and as pictures."""
import json
import os
import subprocess

from .run import CREATE, EXTRACT

COLUMNS = ("file system", "workload", "phase", "tool", "runs", "median s", "least s", "most s", "user s",
           "system s", "of cp", "of the faster tar", "grown bytes", "shared bytes", "payload bytes",
           "archive bytes", "header bytes", "padding bytes", "peak memory bytes")


def human(n):
    if n is None or n < 0:
        return "-"
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size:
            return f"{n / size:.1f} {unit}"
    return f"{n} B"


def faster_tar(bench, phase):
    tars = [bench.figures[phase, name] for name in ("tar", "bsdtar") if (phase, name) in bench.figures]
    return min(tars, key=lambda f: f.median(), default=None)


def rows_of(bench):
    """A row for each phase and tool, in the order of COLUMNS."""
    for phase in (CREATE, EXTRACT):
        cp, tar = bench.figures.get((phase, "cp")), faster_tar(bench, phase)
        for tool in bench.tools:
            f = bench.figures.get((phase, tool.name))
            if not f:
                continue
            middle = sorted(range(len(f.seconds)), key=lambda i, f=f: f.seconds[i])[len(f.seconds) // 2]
            yield (bench.disk.kind, bench.workload.name, phase, tool.title, len(f.seconds), f.median(),
                   min(f.seconds), max(f.seconds), f.user[middle], f.system[middle],
                   f.ratio(cp) if cp else None, f.ratio(tar) if tar else None, f.grown, f.shared,
                   bench.payload, f.length, f.headers, f.padding, max(f.memory))


def ratio(value):
    return "-" if value is None else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def table(bench):
    lines = [f"{bench.disk.kind}, {bench.workload.name}: {bench.workload.title}, "
             f"{human(bench.payload)}",
             "| phase   | tool                     |   median s |   least ..  most s | user+sys s |"
             "  of cp | of tar |    grown |   shared |  headers |  padding |   memory |"]
    for row in rows_of(bench):
        values = dict(zip(COLUMNS, row))
        lines.append(
            f"| {values['phase']:7} | {values['tool']:24} | {values['median s']:10.4f} |"
            f" {values['least s']:8.4f} {values['most s']:9.4f} |"
            f" {values['user s'] + values['system s']:10.3f} | {ratio(values['of cp']):>6} |"
            f" {ratio(values['of the faster tar']):>6} | {human(max(values['grown bytes'], 0)):>8} |"
            f" {human(values['shared bytes']):>8} | {human(values['header bytes']):>8} |"
            f" {human(values['padding bytes']):>8} | {human(values['peak memory bytes']):>8} |")
    return "\n".join(lines) + "\n"


def write_tsv(benches, path):
    with open(path, "w", encoding="utf-8") as file:
        print(*(column.replace(" ", "_") for column in COLUMNS), sep="\t", file=file)
        for bench in benches:
            for row in rows_of(bench):
                print(*("" if value is None else value for value in row), sep="\t", file=file)


def write_json(benches, machine, path):
    keys = [column.replace(" ", "_") for column in COLUMNS]
    rows = [dict(zip(keys, row), seconds=bench.figures[row[2], tool.name].seconds)
            for bench in benches for row in rows_of(bench)
            for tool in bench.tools if tool.title == row[3]]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"version": 1, "machine": machine, "rows": rows}, file, indent=1)
        file.write("\n")


PLOT = """
set terminal svg size 760,300 font "sans,12" background "white"
set output "{out}"
set title "{title}" font ",13"
set style data histogram
set style histogram errorbars gap 1 lw 1
set style fill solid 1.0 noborder
set logscale y
set yrange [{least}:{most}]
set format y "%g s"
set border 3 lc rgb "#666666"
set tics nomirror scale 0.4 textcolor rgb "#333333"
set grid ytics lc rgb "#dddddd"
set key below horizontal samplen 1.2
set boxwidth 0.92
set errorbars lc rgb "#333333"
$data << EOD
{data}
EOD
plot {plots}
"""

# Who it is about stands out; whom it is compared with does not.
COLOURS = ("#0b7285", "#adb5bd", "#ced4da", "#868e96")


def seconds(value):
    return f"{value:.2g}" if value < 1 else f"{value:.1f}"


def plot(name, benches, out):
    """gnuplot's words: the phases on each file system, a bar a tool, from its least to its most."""
    tools = benches[0].tools
    data, ends = [], []
    for bench in benches:
        for phase in (CREATE, EXTRACT):
            figures = [bench.figures.get((phase, tool.name)) for tool in tools]
            if all(figures):
                data.append(f'"{phase}, {bench.disk.kind}" ' + " ".join(
                    f"{f.median():.6f} {min(f.seconds):.6f} {max(f.seconds):.6f} {seconds(f.median())}"
                    for f in figures))
                ends += [time for f in figures for time in f.seconds]
    bars = [f'$data using {4 * i + 2}:{4 * i + 3}:{4 * i + 4}:xtic(1) title "{tool.title}" lc rgb "{COLOURS[i]}"'
            for i, tool in enumerate(tools)]
    labels = [f"$data using ($0 + {(i - (len(tools) - 1) / 2) / (len(tools) + 1):.3f}):{4 * i + 4}:{4 * i + 5} "
              'with labels offset 0,0.6 font ",9" notitle' for i in range(len(tools))]
    return PLOT.format(out=out, title=f"{name}: {benches[0].workload.title}", data="\n".join(data),
                       least=min(ends) / 3, most=max(ends) * 3, plots=", ".join(bars + labels))


def write_plots(benches, folder):
    for name in dict.fromkeys(bench.workload.name for bench in benches):
        chosen = [bench for bench in benches if bench.workload.name == name]
        text = plot(name, chosen, os.path.join(folder, f"{name}.svg"))
        subprocess.run(["gnuplot"], input=text.encode(), check=True)
