# shellcheck shell=bash
# Archives that want to harm, and what must not happen to the folder around their target.
# Sourced behind fs.sh by tests that are in an empty folder then: the target is x, the rest is outside.

# hostile.tar out of a Python snippet, with some short words for it.
hostile() # SNIPPET
{
	OUT=$PWD/outside "$PYTHON" - "$1" <<-'END' || bail "cannot make the archive"
		import io, os, sys, tarfile
		OUT = os.environ["OUT"]
		with tarfile.open("hostile.tar", "w", format=tarfile.PAX_FORMAT) as tar:
		    def add(name, kind=tarfile.REGTYPE, link="", data=b"evil\n", mode=0o644, **more):
		        info = tarfile.TarInfo(name)
		        info.type, info.linkname, info.mode = kind, link, mode
		        info.size = len(data) if kind == tarfile.REGTYPE else 0
		        for key, value in more.items():
		            setattr(info, key, value)
		        tar.addfile(info, io.BytesIO(data) if info.size else None)
		    def symlink(name, link): add(name, tarfile.SYMTYPE, link)
		    def hardlink(name, link): add(name, tarfile.LNKTYPE, link)
		    def directory(name, **more): add(name, tarfile.DIRTYPE, mode=0o755, **more)
		    exec(sys.argv[1])
	END
}

# The sentinels around the target, and all that could be done to them.
surroundings()
{
	find "$PWD" -mindepth 1 -maxdepth 1 ! -name x ! -name hostile.tar -printf '%p %y %m %U:%G %s %n %T@ %l\n' |
		sort
	find "$PWD/outside" -printf '%p %y %m %U:%G %s %n %T@ %l\n' -type f -exec cat {} \; | sort
	ls -la --time-style=full-iso /etc/passwd
	getfattr -h -d -m - outside outside/secret 2>&1
}

prepare()
{
	chmod -R u+rwX x outside 2>/dev/null
	rm -rf x outside evil*
	mkdir -p x outside/dir
	echo secret >outside/secret
	echo inner >outside/dir/file
	mkfifo outside/fifo
	touch -d '2011-11-11 11:11:11' outside/secret outside/dir/file outside/dir outside
}

# Unpacks hostile.tar into x, where BEFORE was done first, with OPTIONS, once more from a
# pipe unless ONCE is set. EXITS is a pattern.
options=() once=
attack() # PROMISE EXITS SAYS SNIPPET [BEFORE]
{
	local promise=$1 exits=$2 says=$3 before code where
	prepare
	hostile "$4"
	(cd x && eval "${5-}")
	before=$(surroundings)
	timeout 20 "$TARX" -x -f hostile.tar "${options[@]}" -C x >"$WORK/said" 2>&1
	code=$?
	like "$promise: exit code" "$code" "@($exits)"
	[ -z "$says" ] || like "$promise: it is named" "$(cat "$WORK/said")" "*$says*"
	is "$promise: nothing outside is touched" "$(surroundings)" "$before"

	[ -z "$once" ] || return
	# The same from a pipe, and into the working directory.
	prepare
	(cd x && eval "${5-}")
	before=$(surroundings)
	# shellcheck disable=SC2002
	where=$(cd x && cat ../hostile.tar | timeout 20 "$TARX" -x "${options[@]}" 2>&1 >/dev/null; echo "${PIPESTATUS[1]}")
	like "$promise: the same from a pipe" "${where##*$'\n'}" "@($exits)"
	is "$promise: from a pipe: nothing outside is touched" "$(surroundings)" "$before"
}
shopt -s extglob
