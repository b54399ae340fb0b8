#!/bin/bash
# The benchmark measures every tool in turn, checks what they restore before it believes a time, and
# leaves its figures as a table, TSV, JSON and pictures.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

# The script as it is installed, but with the library and the program of this build.
must cp "$top_builddir/scripts/measure" "$WORK/bin/"
sed "s|^LIB, MEASURE = .*|LIB, MEASURE = '$top_srcdir/scripts', '$WORK/bin/measure'|" \
	"$top_srcdir/scripts/bench" >"$WORK/bin/bench"

bench()
{
	TMPDIR=$WORK "$PYTHON" -B "$WORK/bin/bench" "$@"
}

exits 0 "runs workloads on both file systems" \
	bench --tarx "$TARX" --scale 0.005 --runs 2 --out "$WORK/results" diff dirty checkpoint fragmented
rows=$("$PYTHON" - "$WORK/results/results.json" <<-'END'
	import json, sys
	rows = json.load(open(sys.argv[1]))["rows"]
	print(len({(r["file_system"], r["workload"]) for r in rows}), len(rows),
	      {len(r["seconds"]) for r in rows}, all(s > 0 for r in rows for s in r["seconds"]))
END
)
is "results.json has 4 workloads on 2 file systems, each tool and phase, each run" "$rows" \
	"8 56 {2} True"
is "results.tsv has the same rows" "$(($(wc -l <"$WORK/results/results.tsv") - 1))" 56
is "every line of results.tsv has as many columns as its head" \
	"$(awk -F '\t' '{ print NF }' "$WORK/results/results.tsv" | sort -u | wc -l)" 1
is "a picture for each workload" "$(find "$WORK/results" -name '*.svg' -size +1k | wc -l)" 4
shared=$(awk -F '\t' '$2 == "checkpoint" && $4 == "tarx" { print ($14 >= 0.9 * $15) }' \
	"$WORK/results/results.tsv" | sort -u)
is "tarx is seen to share the bytes of the checkpoint" "$shared" 1
shared=$(awk -F '\t' '$2 == "checkpoint" && $4 == "GNU tar" { print ($14 == 0) }' \
	"$WORK/results/results.tsv" | sort -u)
is "GNU tar is seen not to" "$shared" 1
told=$(awk -F '\t' '$3 == "create" && $4 != "tarx" && $16 { print ($17 > 0 && $18 == 0) }
	$3 == "create" && $4 == "tarx" && $2 == "checkpoint" { print ($17 > $18 && $18 > 0) }' \
	"$WORK/results/results.tsv" | sort -u)
is "headers of every archive are told, and padding, which only tarx' have" "$told" 1
exits 0 "one tool alone" bench --tarx "$TARX" --tool tarx --scale 0.002 --runs 1 --fs xfs --no-shared small
like "one tool alone: and no other" "$out" "*| create  | tarx *| extract | tarx *"
not "one tool alone: neither cp" grep -q 'cp -a' <<<"$out"

# A tarx that restores something else.
cat >"$WORK/bin/liar" <<-END
	#!/bin/sh
	"$TARX" "\$@" || exit
	case \$1 in -x) for last; do :; done; echo lie >>"\$last/core-00.img" ;; esac
END
chmod +x "$WORK/bin/liar"
exits 1 "a result that is wrong ends the benchmark" \
	bench --tarx "$WORK/bin/liar" --scale 0.002 --runs 1 --fs xfs checkpoint
like "and is named" "$err" "*what it restored is not what was archived*core-00.img*"
exits 0 "the other workloads, too" \
	bench --tarx "$TARX" --scale 0.0005 --runs 1 --fs xfs --no-shared tree small million-10k million-1000k
exits 1 "a tool that fails ends the benchmark" bench --tarx /bin/false --scale 0.002 --runs 1 --fs xfs small
exits 2 "an unknown workload is refused" bench nonsense
is "nothing stays mounted, and no image stays" \
	"$(find "$WORK" -maxdepth 1 -name 'tarx-bench.*'; grep -c tarx-bench /proc/self/mountinfo)" 0

finish
