# shellcheck shell=bash
# README.md's commands, run as they stand.

commands() # SECTION WORD: the lines of the block in which WORD stands
{
	awk -v section="## $1" -v word="$2" '
		/^## / { on = $0 == section }
		on && /^    / { block = block substr($0, 5) "\n"; next }
		{ if (index(block, word)) printf "%s", block; block = "" }' "$top_srcdir/README.md"
}

documented() # SECTION WORD
{
	local text
	text=$(commands "$1" "$2")
	[ -n "$text" ] || { echo "README.md has no commands with $2 under $1"; return 1; }
	bash -euo pipefail -c "$text"
}
