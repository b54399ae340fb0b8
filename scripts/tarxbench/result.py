"""What was measured, as a table for people, as TSV, as JSON, and as pictures."""
import json
import os
import subprocess

from .run import CREATE, EXTRACT

COLUMNS = ("file system", "workload", "phase", "tool", "runs", "median s", "least s", "most s", "user s",
           "system s", "of cp", "of the faster tar", "grown bytes", "shared bytes", "payload bytes",
           "archive bytes", "peak memory bytes")


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
                   bench.payload, f.length, max(f.memory))


def ratio(value):
    return "-" if value is None else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def table(bench):
    lines = [f"{bench.disk.kind}, {bench.workload.name}: {bench.workload.title}, "
             f"{human(bench.payload)}",
             "| phase   | tool                     |   median s |   least ..  most s | user+sys s |"
             "  of cp | of tar |    grown |   shared |   memory |"]
    for row in rows_of(bench):
        values = dict(zip(COLUMNS, row))
        lines.append(
            f"| {values['phase']:7} | {values['tool']:24} | {values['median s']:10.4f} |"
            f" {values['least s']:8.4f} {values['most s']:9.4f} |"
            f" {values['user s'] + values['system s']:10.3f} | {ratio(values['of cp']):>6} |"
            f" {ratio(values['of the faster tar']):>6} | {human(max(values['grown bytes'], 0)):>8} |"
            f" {human(values['shared bytes']):>8} | {human(values['peak memory bytes']):>8} |")
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
set terminal svg size 760,300 font "sans,12"
set output "{out}"
set title "{title}"
set style data histogram
set style histogram errorbars gap 1 lw 1
set style fill solid 0.85 border -1
set logscale y
set yrange [*:*]
set ylabel "seconds"
set grid ytics lc rgb "#cccccc"
set key outside right
set boxwidth 0.9
$data << EOD
{data}
EOD
plot for [i=0:{last}] $data using 3*i+2:3*i+3:3*i+4:xtic(1) title word("{names}", i+1)
"""


def write_plots(benches, folder):
    """A picture for each workload: the phases on both file systems, a bar a tool."""
    for name in dict.fromkeys(bench.workload.name for bench in benches):
        chosen = [bench for bench in benches if bench.workload.name == name]
        tools = chosen[0].tools
        data = []
        for bench in chosen:
            for phase in (CREATE, EXTRACT):
                figures = [bench.figures.get((phase, tool.name)) for tool in tools]
                if all(figures):
                    data.append(f'"{bench.disk.kind} {phase}" ' + " ".join(
                        f"{f.median():.6f} {min(f.seconds):.6f} {max(f.seconds):.6f}" for f in figures))
        text = PLOT.format(out=os.path.join(folder, f"{name}.svg"), data="\n".join(data),
                           title=f"{name}: {chosen[0].workload.title}", last=len(tools) - 1,
                           names=" ".join(tool.title.split()[0].replace("GNU", "GNU-tar")
                                          for tool in tools))
        subprocess.run(["gnuplot"], input=text.encode(), check=True)
