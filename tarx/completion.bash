# bash completion for tarx(1)                                         -*- shell-script -*-
# Needs nothing from the bash-completion package.

_tarx()
{
	local cur=${COMP_WORDS[COMP_CWORD]} lead='' option='' dir='' verb=''
	COMPREPLY=()
	_tarx_read_line
	case $option in
	-f | --file | --stats | -T | --files-from | -X | --exclude-from | --owner-map | --group-map)
		_tarx_paths file
		;;
	--take-from)
		_tarx_paths directory
		;;
	-C | --directory)
		# A relative -C counts from the one before it.
		_tarx_paths directory "$dir"
		;;
	--align)
		_tarx_words 'none 4K 16K 64K 1M'
		;;
	--align-min)
		_tarx_words '4K 16K 64K 1M'
		;;
	--threads)
		_tarx_words '1 2 3 4'
		;;
	--overlay)
		_tarx_words 'auto diff merged off'
		;;
	--format | -H)
		_tarx_words 'pax posix'
		;;
	--sort)
		_tarx_words 'none name inode'
		;;
	--owner)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		;;
	--group)
		mapfile -t COMPREPLY < <(compgen -g -- "$cur")
		;;
	-I | --use-compress-program)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		;;
	--whiteouts)
		_tarx_words 'overlay oci podman drop'
		;;
	--reflink)
		_tarx_words 'auto always never'
		;;
	--hole-detection)
		_tarx_words 'seek raw'
		;;
	--sparse-version)
		_tarx_words '1.0'
		;;
	--progress)
		_tarx_words 'auto always never'
		;;
	--verbose)
		_tarx_words 'time'
		;;
	-)
		_tarx_options
		;;
	'')
		# The members of an archive are not looked up: it may be large, or a stranger's.
		if [[ ! $verb && ! $cur ]]; then
			_tarx_words '-c -x -t -d -r'
		elif [[ $verb == [cr] ]]; then
			_tarx_paths file "$dir"
		elif [[ $verb == a ]]; then
			_tarx_paths file
		fi
		;;
	esac
	# Where "=" does not part words the option is in the word that is completed.
	[[ $lead ]] && COMPREPLY=("${COMPREPLY[@]/#/$lead}")
	return 0
}

# What the words up to the cursor say. Sets for _tarx: $option, the one whose value is completed, "-"
# for options themselves, empty for an operand; $cur, what there is of it; $lead, what stands before
# that in the same word; $verb, the letter of the mode; $dir, what the last -C says.
_tarx_read_line()
{
	local i word wants=() ended=

	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		option=
		if [[ $word == '=' && ${COMP_WORDS[i - 1]} == --* && ! $ended ]]; then
			# --option=VALUE comes as three words.
			option=${COMP_WORDS[i - 1]}
			if ((i == COMP_CWORD)); then
				cur=
			else
				((++i))
				word=${COMP_WORDS[i]}
			fi
			wants=()
			_tarx_take_value "$word"
		elif ((${#wants[@]})); then
			option=${wants[0]}
			wants=("${wants[@]:1}")
			_tarx_take_value "$word"
		elif [[ $ended ]]; then
			:
		elif [[ $word == -- ]] && ((i < COMP_CWORD)); then
			ended=yes
		elif [[ $word == --*=* ]]; then
			option=${word%%=*}
			if ((i == COMP_CWORD)); then
				cur=${word#*=}
				lead=$option=
			fi
			_tarx_take_value "${word#*=}"
		elif [[ $word == --* ]]; then
			option=-
			_tarx_take_long "$word"
		elif [[ $word == -* ]] || ((i == 1 && i < COMP_CWORD)); then
			option=-
			_tarx_take_letters "${word#-}" "$i"
		fi
	done
}

_tarx_take_value() # WORD
{
	((i < COMP_CWORD)) || return
	case $option in
	-C | --directory)
		[[ $1 == [/~]* || ! $dir ]] && dir=$1 || dir+=/$1
		;;
	esac
}

_tarx_take_long() # WORD
{
	case $1 in
	--create) verb=c ;;
	--extract | --get) verb=x ;;
	--list) verb=t ;;
	--compare | --diff) verb=d ;;
	--append) verb=r ;;
	--info) verb=i ;;
	--realign) verb=a ;;
	--file | --directory | --transform | --strip-components | --align-min | --threads | --overlay | --reflink | --whiteouts) wants=("$1") ;;
	--files-from | --add-file | --nest | --inner | --exclude | --exclude-from | --exclude-tag | --exclude-tag-under) wants=("$1") ;;
	--exclude-tag-all | --newer | --after-date | --newer-mtime | --sort | --format | --warning) wants=("$1") ;;
	--blocking-factor | --record-size | --use-compress-program | --owner | --group) wants=("$1") ;;
	--owner-map | --group-map | --mode | --mtime) wants=("$1") ;;
	--starting-file | --xattrs-include | --xattrs-exclude) wants=("$1") ;;
	--hole-detection | --sparse-version | --take-from) wants=("$1") ;;
	esac
}

# A bundle of short options. With a dash the rest of the word behind -f or -C is its value; without
# one the first word's letters take theirs from the words that follow.
_tarx_take_letters() # LETTERS PLACE
{
	local letters=$1 letter

	while [[ $letters ]]; do
		letter=${letters:0:1}
		letters=${letters:1}
		case $letter in
		[cxtdr])
			verb=$letter
			;;
		[fCKTXNHbI])
			if [[ $letters && ${COMP_WORDS[$2]} == -* ]]; then
				option=-$letter
				if (($2 == COMP_CWORD)); then
					cur=$letters
					lead=${COMP_WORDS[$2]%"$letters"}
				fi
				_tarx_take_value "$letters"
				return
			fi
			wants+=("-$letter")
			;;
		esac
	done
}

_tarx_words() # WORDS
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_tarx_options()
{
	_tarx_words '-c --create -x --extract -t --list -d --compare -r --append --info --realign --take-from= -f --file= -C --directory=
		--transform= --strip-components= --show-transformed-names
		-T --files-from= --null --no-null --unquote --no-unquote
		--verbatim-files-from --no-verbatim-files-from --add-file= --nest= --inner=
		--exclude= -X --exclude-from= --exclude-vcs --exclude-backups --exclude-caches
		--exclude-caches-under --exclude-caches-all --exclude-tag= --exclude-tag-under=
		--exclude-tag-all= -N --newer= --newer-mtime= -h --dereference --hard-dereference
		--sort= --ignore-failed-read -l --check-links -H --format= --posix
		-b --blocking-factor= --record-size= -z --gzip -j --bzip2 -J --xz --zstd --lz4
		--lzma --lzip -Z --compress -a --auto-compress --no-auto-compress
		-I --use-compress-program= --owner= --group= --owner-map= --group-map= --mode=
		--mtime= --clamp-mtime --totals --warning=
		-v --verbose --verbose= --align --align= --align-min= --threads= --reflink= --overlay=
		--whiteouts= --override-stat
		-S --sparse --hole-detection= --sparse-version=
		--progress --progress= --stats --stats= --sync -p --preserve-permissions --no-same-permissions
		--same-owner --no-same-owner --numeric-owner -m --touch
		-i --ignore-zeros -P --absolute-names --wildcards --no-wildcards --anchored --no-anchored
		--ignore-case --no-ignore-case --wildcards-match-slash --no-wildcards-match-slash
		--recursion --no-recursion --occurrence --occurrence= -K --starting-file=
		-k --keep-old-files --skip-old-files --keep-newer-files --overwrite --overwrite-dir
		--no-overwrite-dir -U --unlink-first --recursive-unlink --keep-directory-symlink
		--one-top-level --one-top-level= -O --to-stdout --delay-directory-restore
		--xattrs-include= --xattrs-exclude= --selinux --no-selinux
		--full-time --utc -R --block-number
		--xattrs --no-xattrs --acls --no-acls --fflags --no-fflags --subvolumes --snapshot
		--one-file-system --help --version'
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
}

# A path as it was typed, without quotes and with its tilde.
_tarx_plain() # WORD
{
	local plain=${1//[\"\'\\]/}

	[[ $plain == \~ || $plain == \~/* ]] && plain=$HOME${plain#\~}
	printf '%s\n' "$plain"
}

# Names that begin as $cur does, beneath the directory BASE or here; all, or only directories.
_tarx_paths() # file|directory [BASE]
{
	local typed base here

	typed=$(_tarx_plain "$cur")
	base=$(_tarx_plain "${2-}")
	[[ $typed == /* ]] && base=
	here=${base:+${base%/}/}
	mapfile -t COMPREPLY < <(compgen -A "$1" -- "$here$typed")
	compopt -o filenames 2>/dev/null
	[[ $here ]] && _tarx_cut "$here"
}

# Takes PREFIX off what is offered. Directories are marked here: readline would look for them in the
# wrong place.
_tarx_cut() # PREFIX
{
	local i

	for i in "${!COMPREPLY[@]}"; do
		[[ -d ${COMPREPLY[i]} ]] && COMPREPLY[i]+=/
	done
	COMPREPLY=("${COMPREPLY[@]#"$1"}")
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
}

complete -F _tarx tarx
