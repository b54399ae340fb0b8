# shellcheck shell=bash
# The container: its image, what it does, and whether it is still what it was.
#
# shellcheck disable=SC2154,SC2317 # set elsewhere; called by name

# The image, with more to be changed.
container_make_image()
{
	local root=$WORK/rootfs file
	e2e_rootfs "$root"
	mkdir -p "$root"/etc/removed-dir "$root"/opt/again/old "$root"/opt/metadata
	chmod 1777 "$root/tmp"
	chmod 750 "$root/root"
	for file in etc/removed etc/modified etc/removed-dir/file opt/again/{a,old/b} opt/metadata/file; do
		echo "$file of the image" >"$root/$file"
	done
	must tar -C "$root" -cf "$WORK/rootfs.tar" .
}

# podman, and what takes its place.
pm()
{
	E2E_PODMAN='' e2e_podman "$@"
}

tp()
{
	E2E_PODMAN=$tarx_podman e2e_podman "$@"
}

pm_quiet()
{
	pm "$@" >/dev/null 2>&1
}

# What it does, in its own words.
container_script() # FILES MB
{
	cat <<-END
		mkdir -p /data /new/sub
		dd if=/dev/urandom of=/tmp/random bs=1M count=$2 2>/dev/null
		i=0
		while [ \$i -lt $1 ]; do cp /tmp/random /data/file-\$i; i=\$((i + 1)); done
		rm /tmp/random
		rm -r /etc/removed /etc/removed-dir
		echo modified >>/etc/modified
		rm -r /opt/again
		mkdir -m 700 /opt/again
		echo new >/opt/again/new
		chmod 2711 /opt/metadata
		chown 12:34 /opt/metadata
		echo one >/data/one
		ln /data/one /data/two
		ln -s one /data/link
		echo in a volume >/vol/file
		chmod 1770 /vol
		exec 3>>/data/open
		echo READY
		i=0
		while :; do i=\$((i + 1)); echo \$i >/data/count; echo \$i >&3; sleep 0.1; done
	END
}

container_run() # NAME FILES MB
{
	pm_quiet run -d --name "$1" "${e2e_run_options[@]}" -v "volume-$1:/vol" localhost/base \
		/bin/sh -c "$(container_script "$2" "$3")" &&
		container_wait 600 "pm logs $1 2>/dev/null | grep -q READY"
}

# Waits until something holds, looking every tenth of a second.
container_wait() # TENTHS CONDITION
{
	local tenth
	for ((tenth = 0; tenth < $1; tenth++)); do
		eval "$2" && return
		sleep 0.1
	done
	echo "not within $(($1 / 10)) seconds: $2"
	return 1
}

container_inspect() # NAME FORMAT
{
	pm container inspect --format "$2" "$1" 2>/dev/null
}

container_count() # NAME
{
	cat "$(container_inspect "$1" '{{.GraphDriver.Data.UpperDir}}')/data/count"
}

# The same process goes on: from its memory, and with the file that it holds open.
container_goes_on() # NAME COUNT-BEFORE
{
	local upper lines
	upper=$(container_inspect "$1" '{{.GraphDriver.Data.UpperDir}}')
	lines=$(wc -l <"$upper/data/open")
	container_wait 100 "[ \"\$(cat '$upper/data/count')\" -gt $(($2 + 1)) ] 2>/dev/null &&
		[ \"\$(wc -l <'$upper/data/open')\" -gt $lines ]"
}

# A line for everything in a container and in its volume, as it is seen on the host, but what podman makes and what
# counts. Directories that podman puts something into get new times.
container_list() # NAME
{
	local root
	root=$(container_inspect "$1" '{{.GraphDriver.Data.MergedDir}}')
	(
		cd "$root" || exit
		find . \( -path ./dev -o -path ./proc -o -path ./sys -o -path ./run -o -path ./tmp -o -path ./etc/mtab -o \
			-path './etc/host*' -o -path ./etc/resolv.conf \) -prune -o \
			\( -path . -o -path ./etc -o -path ./vol -o -path ./data/count -o -path ./data/open \) \
			-printf '%p %y %m %U:%G\n' -o \
			\( -type d -printf '%p %y %m %U:%G %T@\n' -o -printf '%p %y %m %n %U:%G %s %T@ %l\n' \)
		stat -c 'tmp %a' tmp
		cd "$FS/storage/volumes/volume-$1/_data" && find . -printf 'volume %p %y %m %U:%G %T@\n'
	) | sort
}

# The large files are copies of one of which there is another copy outside.
container_files_are() # NAME HOW-MANY REFERENCE
{
	local root n
	root=$(container_inspect "$1" '{{.GraphDriver.Data.MergedDir}}')
	for ((n = 0; n < $2; n++)); do
		cmp "$root/data/file-$n" "$3" || return
	done
}

container_remove() # NAME
{
	pm_quiet rm --force --time 0 "$1"
	pm_quiet volume rm "volume-$1"
}
