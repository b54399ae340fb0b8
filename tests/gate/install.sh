#!/bin/bash
# What "make install" puts where. Out of the build that is tested, into a temporary folder.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir}
. "$top_srcdir/tests/lib/tap.sh"
export LC_ALL=C

WORK=$(mktemp -d) || bail "no temporary folder"
trap 'rm -rf "$WORK"' EXIT

# Neither flags nor variables of the make that runs the tests: "make -n check DESTDIR=..." is not ours.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL DESTDIR
make=${MAKE:-make}
run_make() # TARGET
{
	"$make" -s -C "$top_builddir" "$1" "DESTDIR=$WORK/root" prefix=/usr exec_prefix=/usr \
		bindir=/usr/bin libexecdir=/usr/libexec datarootdir=/usr/share datadir=/usr/share \
		mandir=/usr/share/man docdir=/usr/share/doc/tarx \
		bashcompletiondir=/usr/share/bash-completion/completions
}
exits 0 "make install" run_make install

installed=$(cd "$WORK/root" && find . -type f -printf '%P %m\n' | sort)
is "the programs, the page and the completion are installed, and nothing else" "$installed" \
	'usr/bin/tarx 755
usr/bin/tarx-bench 755
usr/bin/tarx-criu-hook 755
usr/bin/tarx-podman 755
usr/libexec/tarx/measure 755
usr/share/bash-completion/completions/tarx 644
usr/share/doc/tarx/examples/criu-hook.toml 644
usr/share/man/man1/tarx-podman.1 644
usr/share/man/man1/tarx.1 644
usr/share/man/man8/tarx-criu-hook.8 644
usr/share/tarx/tarxbench/__init__.py 644
usr/share/tarx/tarxbench/disk.py 644
usr/share/tarx/tarxbench/result.py 644
usr/share/tarx/tarxbench/run.py 644
usr/share/tarx/tarxbench/tools.py 644
usr/share/tarx/tarxbench/workloads.py 644
usr/share/tarx/tarxhook/__init__.py 644
usr/share/tarx/tarxhook/archive.py 644
usr/share/tarx/tarxhook/config.py 644
usr/share/tarx/tarxhook/container.py 644
usr/share/tarx/tarxhook/dump.py 644
usr/share/tarx/tarxhook/main.py 644
usr/share/tarx/tarxhook/report.py 644
usr/share/tarx/tarxhook/restore.py 644
usr/share/tarx/tarxpodman/__init__.py 644
usr/share/tarx/tarxpodman/archive.py 644
usr/share/tarx/tarxpodman/checkpoint.py 644
usr/share/tarx/tarxpodman/child.py 644
usr/share/tarx/tarxpodman/cmdline.py 644
usr/share/tarx/tarxpodman/container.py 644
usr/share/tarx/tarxpodman/errors.py 644
usr/share/tarx/tarxpodman/exportpipe.py 644
usr/share/tarx/tarxpodman/fate.py 644
usr/share/tarx/tarxpodman/filling.py 644
usr/share/tarx/tarxpodman/freezer.py 644
usr/share/tarx/tarxpodman/guard.py 644
usr/share/tarx/tarxpodman/importfifo.py 644
usr/share/tarx/tarxpodman/main.py 644
usr/share/tarx/tarxpodman/newfile.py 644
usr/share/tarx/tarxpodman/programs.py 644
usr/share/tarx/tarxpodman/restore.py 644
usr/share/tarx/tarxpodman/signals.py 644
usr/share/tarx/tarxpodman/storage.py 644
usr/share/tarx/tarxpodman/undo.py 644'
ok "the installed program runs" "$WORK/root/usr/bin/tarx" --version
is "the installed benchmark looks for its parts where they are" \
	"$(grep '^LIB, MEASURE' "$WORK/root/usr/bin/tarx-bench")" \
	'LIB, MEASURE = "/usr/share/tarx", "/usr/libexec/tarx/measure"'
is "and so does the installed hook of CRIU" "$(grep '^lib=' "$WORK/root/usr/bin/tarx-criu-hook")" \
	'lib="/usr/share/tarx" tarx="/usr/bin/tarx"'
is "and the installed tarx-podman" "$(grep '^LIB, TARX' "$WORK/root/usr/bin/tarx-podman")" \
	'LIB, TARX = "/usr/share/tarx", "/usr/bin/tarx"'
ok "the installed page is tarx.1" cmp "$top_srcdir/tarx/tarx.1" "$WORK/root/usr/share/man/man1/tarx.1"
ok "the installed completion is completion.bash" cmp "$top_srcdir/tarx/completion.bash" \
	"$WORK/root/usr/share/bash-completion/completions/tarx"
loads()
{
	"$BASH" --norc -c ". '$1' && complete -p tarx"
}
ok "the installed completion loads alone" loads \
	"$WORK/root/usr/share/bash-completion/completions/tarx"

exits 0 "make uninstall" run_make uninstall
is "make uninstall leaves nothing" "$(find "$WORK/root" -type f)" ''

finish
