#!/bin/bash
# The program, its --help, tarx(1) and the completion know the same options.

# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$top_srcdir/tests/lib/tap.sh"
export LC_ALL=C

TARX=${TARX:-${top_builddir:-$top_srcdir}/tarx/tarx}
page=$top_srcdir/tarx/tarx.1
source=$top_srcdir/tarx/opts_table.c
# shellcheck source=../../tarx/completion.bash
. "$top_srcdir/tarx/completion.bash" || bail "the completion cannot be read"

# ---- where the four have their options from: one a line, with their dashes

help=$("$TARX" --help) || bail "no --help"

of_help()
{
	sed -nE 's/^  (-.), (--[a-z0-9-]+).*/\1\n\2/p; s/^      (--[a-z0-9-]+).*/\1/p' <<<"$help"
}

# The heads of the lists in MODES and OPTIONS.
of_page()
{
	sed -n '/^\.Sh MODES/,/^\.Sh EXTRACTION/s/^\.It Fl//p' "$page" | sed 's/ Fl /\n/g; s/ , /\n/g' |
		sed 's/^ *//; s/ .*//; s/^/-/' | grep .
}

complete_words() # WORD...: what the completion offers for the last one
{
	COMP_WORDS=(tarx "$@")
	COMP_CWORD=$#
	COMPREPLY=()
	_tarx
	printf '%s\n' "${COMPREPLY[@]}"
}

of_completion()
{
	complete_words - | sed 's/=$//'
}

# All spellings that the program's table has, those without a line in --help too.
of_table()
{
	sed -n '/^const struct tarx_option tarx_options/,/^};/s/^\t{ "\([^"]*\)", .*/--\1/p' "$source"
}

sorted()
{
	sort -u | sed '/^$/d'
}

difference() # ONE-NAME LIST OTHER-NAME LIST
{
	comm -23 <(sorted <<<"$2") <(sorted <<<"$4") | sed "s/^/only in $1: /"
	comm -13 <(sorted <<<"$2") <(sorted <<<"$4") | sed "s/^/only in $3: /"
}

options=$(of_help | sorted)
ok "--help shows options, long and short" test "$(grep -c '^--' <<<"$options")" -ge 20 -a \
	"$(grep -c '^-[a-zA-Z]$' <<<"$options")" -ge 6
is "tarx(1) and --help have the same options" \
	"$(difference 'tarx(1)' "$(of_page)" --help "$options")" ''
is "the completion and --help have the same options" \
	"$(difference 'the completion' "$(of_completion)" --help "$options")" ''

# ---- other spellings, such as --get

mentioned=$(grep -oE 'Fl -[a-z][a-z0-9-]*' "$page" | sed 's/Fl /-/' | sorted)
table=$(of_table | sorted)
ok "the table in opts_table.c is found" test "$(wc -l <<<"$table")" -ge 20
is "tarx(1) mentions all that the program takes, and nothing else" \
	"$(difference 'tarx(1)' "$mentioned" opts_table.c "$table")" ''

# ---- the program takes them, with the values that --help and the completion offer

# Options are read in order, and --help ends that: what comes before it was taken.
is_taken()
{
	"$TARX" "$@" --help >/dev/null
}

value_for() # WORD-OF-HELP
{
	case $1 in
	SIZE) echo 4096 ;;
	NUMBER) echo 1 ;;
	FILE) echo /dev/null ;;
	DATE) echo @0 ;;
	CHANGES) echo u+x ;;
	KEYWORD) echo all ;;
	EXPRESSION) echo s,a,b, ;;
	NAMEDIR) echo name=dir ;;
	*[A-Z]*) echo name ;;
	*) echo "$1" ;;
	esac
}

# The long option of a letter, and the option that another spelling stands for: the one before it.
meant_by() # OPTION
{
	local option=$1
	[[ $option != -? ]] || option=$(sed -nE "s/^  $option, (--[a-z0-9-]+).*/\\1/p" <<<"$help")
	awk -v wanted="$option" '
		FNR == NR { shown[$1] = 1; next }
		$1 in shown { last = $1 }
		$1 == wanted { print last; exit }' <(echo "$options") <(of_table)
}

refused=
argument() # OPTION: "[=WORD|WORD]", "=WORD" or nothing, as --help has it
{
	grep -oE -e "(^| )$(meant_by "$1")(\[?=[^ ]*)?( |\$)" <<<"$help" | head -n 1 | grep -oE '\[?=[^ ]*'
}

attempt()
{
	is_taken "$@" 2>/dev/null || refused+="$*"$'\n'
}

for option in $options $table; do
	argument=$(argument "$option")
	case $option:$argument in
	-?:=*) attempt "$option" "$(value_for "$(sed 's/^=//; s/|.*//' <<<"$argument")")" ;;
	-?:* | *: | *:\[*) attempt "$option" ;;
	esac
	[[ $option == --* ]] || continue
	words=$(tr -d '[]=' <<<"$argument")
	for word in ${words//|/ }; do
		attempt "$option=$(value_for "$word")"
	done
done
is "the program takes every option, with every value that --help names" "$refused" ''

differs=
refused=
for option in $options; do
	words=$(argument "$option" | tr -d '[]=' | tr '|' '\n' | sorted)
	fixed=$(grep -v '[A-Z]' <<<"$words")
	[[ $option == --* && $fixed ]] || continue
	offered=$(complete_words "$option" = '' | sorted)
	for word in $offered; do
		attempt "$option=$word"
	done
	# Where any size may be given the completion proposes some.
	if [ "$fixed" = "$words" ]; then
		differs+=$(difference "the completion of $option" "$offered" --help "$fixed")
	else
		differs+=$(comm -13 <(echo "$offered") <(echo "$fixed"))
	fi
	is_taken "$option=no-such-value" 2>/dev/null && refused+="taken: $option=no-such-value"$'\n'
done
is "the completion offers the values that --help names" "$differs" ''
is "the program takes the values that the completion offers, and no others" "$refused" ''

# ---- the page itself

if command -v mandoc >/dev/null; then
	is "tarx(1) is clean mdoc" "$(mandoc -T lint -W warning "$page" 2>&1 | grep -v 'outdated mandoc.db')" ''
else
	skip "tarx(1) is clean mdoc" "mandoc is not installed"
fi

# ---- the completion, where a command line is half written

WORK=$(mktemp -d) || bail "no temporary folder"
trap 'rm -rf "$WORK"' EXIT
must mkdir -p "$WORK/root/inner/deep"
must touch "$WORK/a.tar" "$WORK/root/one two" "$WORK/root/inner/file"
cd "$WORK" || bail "no $WORK"

offers() # WANT WORD...: the offers, one blank between them
{
	local want=$1
	shift
	is "the completion of \"tarx $*\"" "$(complete_words "$@" | sort | paste -s -d ' ')" "$want"
}

offers '-c -d -r -t -x' ''
offers '--no-acls' --no-ac
offers always --reflink = al
offers --reflink=always --reflink=al
offers 'auto diff merged off' --overlay ''
offers 'always auto never' --reflink =
offers a.tar -cf a
offers a.tar -xv -f a
offers -xfa.tar -xfa
offers a.tar cvf a
offers root -rf a.tar r
offers a.tar cCf root a
offers root -x -C ''
offers 'inner/ one two' -c -C root ''
offers 'deep/ file' -cC root -C inner ''
offers deep/ -cC root -C inner -C ''
offers '' -xf a.tar ''
offers '' -c -- -

finish
