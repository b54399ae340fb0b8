/* The command line as a struct. */
#ifndef TARX_OPTS_H
#define TARX_OPTS_H

#include "align/span.h"
#include "tarx/meta.h"
#include "tarx/override.h"
#include "tarx/pattern.h"
#include "tarx/press.h"
#include "tarx/progress.h"
#include "tarx/rename.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum tarx_mode {
	TARX_CREATE = 1,
	TARX_EXTRACT = 2,
	TARX_LIST = 4,
	TARX_COMPARE = 8,
	TARX_APPEND = 16,
	TARX_INFO = 32,
	TARX_REALIGN = 64,
};
enum tarx_overlay {
	TARX_OVERLAY_AUTO,
	TARX_OVERLAY_DIFF,
	TARX_OVERLAY_MERGED,
	TARX_OVERLAY_OFF,
	TARX_OVERLAY_UNSET, /* not given: as AUTO */
};
enum tarx_holes { TARX_HOLES_SEEK, TARX_HOLES_RAW };

/* What becomes of what is there already. */
enum tarx_old {
	TARX_OLD_REPLACE, /* not given */
	TARX_OLD_OVERWRITE_DIR, /* the same, by name */
	TARX_OLD_NO_OVERWRITE_DIR,
	TARX_OLD_OVERWRITE,
	TARX_OLD_UNLINK,
	TARX_OLD_KEEP,
	TARX_OLD_SKIP,
	TARX_OLD_KEEP_NEWER,
};

/* How removals are spelled in an archive. */
enum tarx_whiteouts {
	TARX_WHITEOUTS_OVERLAY,
	TARX_WHITEOUTS_OCI,
	TARX_WHITEOUTS_PODMAN,
	TARX_WHITEOUTS_DROP,
	TARX_WHITEOUTS_UNSET, /* not given */
};

struct tarx_operand {
	const char *dir; /* where it is looked up; NULL: where tarx was started */
	const char *path; /* borrowed from the command line */
	unsigned int match; /* bits of enum tarx_match, where it names a member */
	bool literal; /* as it is: its escapes are undone, or it has none */
	enum tarx_overlay overlay; /* the --overlay before it; UNSET: there is none, see
				    * tarx_opts_overlay() */
	const char *nest; /* borrowed: it is a directory that goes into a nested tar of this name;
			   * or NULL */
};

/* What counts for the archive itself, or for one that lies in it as a member (--inner). */
struct tarx_part {
	const char *name; /* borrowed: that member's; NULL: the archive itself */
	const struct tarx_operand *operands; /* borrowed: the members that are named */
	size_t operand_count;
	const char *dir; /* borrowed: the last -C; NULL: none */
	enum tarx_overlay overlay;
	enum tarx_whiteouts whiteouts;
};

enum tarx_sort { TARX_SORT_NONE, TARX_SORT_NAME, TARX_SORT_INODE };

/* What a directory with a certain file in it is left out of: see --exclude-tag. */
enum tarx_tag_kind { TARX_TAG_CONTENTS, TARX_TAG_UNDER, TARX_TAG_ALL };

struct tarx_tag {
	const char *name; /* borrowed */
	enum tarx_tag_kind kind;
	bool is_cache; /* only where the file says that it marks a cache */
};

/* GNU tar's names for kinds of warnings, in the order of its own list. */
enum tarx_warning_kind {
	TARX_WARN_ALONE_ZERO_BLOCK,
	TARX_WARN_BAD_DUMPDIR,
	TARX_WARN_CACHEDIR,
	TARX_WARN_CONTIGUOUS_CAST,
	TARX_WARN_FILE_CHANGED,
	TARX_WARN_FILE_IGNORED,
	TARX_WARN_FILE_REMOVED,
	TARX_WARN_FILE_SHRANK,
	TARX_WARN_FILE_UNCHANGED,
	TARX_WARN_FILENAME_WITH_NULS,
	TARX_WARN_IGNORE_ARCHIVE,
	TARX_WARN_IGNORE_NEWER,
	TARX_WARN_NEW_DIRECTORY,
	TARX_WARN_RENAME_DIRECTORY,
	TARX_WARN_SYMLINK_CAST,
	TARX_WARN_TIMESTAMP,
	TARX_WARN_UNKNOWN_CAST,
	TARX_WARN_UNKNOWN_KEYWORD,
	TARX_WARN_XDEV,
	TARX_WARN_DECOMPRESS_PROGRAM,
	TARX_WARN_EXISTING_FILE,
	TARX_WARN_XATTR_WRITE,
	TARX_WARN_RECORD_SIZE,
	TARX_WARN_FAILED_READ,
	TARX_WARN_KINDS,
};

#define TARX_ALIGN_UNSET 1u /* as if not given: where the archive's file system can clone */
#define TARX_ALIGN_BLOCK 2u /* the file system's block */
#define TARX_ALIGN_NONE  512u

struct tarx_opts {
	enum tarx_mode mode;
	const char *archive; /* borrowed; "-" is standard input or output */
	bool behind_command; /* which unpacks it: it is read from standard input */
	struct tarx_operand *operands; /* owned */
	size_t operand_count;
	struct tarx_part *parts; /* owned: the archive itself, then each --inner */
	size_t part_count;
	const char *inner; /* borrowed: the last --inner while options are read; NULL: none */
	const char *dir; /* the last -C; NULL: none */
	char **dirs; /* owned, and what they point to: every -C */
	size_t dir_count;
	const char **take_from; /* owned, the names borrowed: --take-from */
	size_t take_from_count;
	int verbose;
	bool verbose_time;
	uint32_t align; /* bytes, or TARX_ALIGN_* */
	int64_t align_min; /* bytes; -1: not given */
	enum align_reflink reflink;
	unsigned int threads; /* 0: not given */
	enum tarx_overlay overlay;
	bool sparse; /* holes are left out of the archive */
	enum tarx_holes hole_detection;
	enum tarx_progress_when progress;
	enum tarx_whiteouts whiteouts;
	bool override_stat;
	bool stats;
	const char *stats_file; /* borrowed; NULL: standard error */
	bool sync;
	bool touch;
	bool ignore_zeros;
	bool numeric_owner;
	int same_owner, same_permissions; /* 1, 0, or -1: as root yes, else no */
	bool xattrs, acls, selinux, fflags;
	bool subvolumes;
	bool one_file_system;
	bool snapshot;
	struct tarx_rename rename; /* owned */
	size_t strip; /* components taken off the names that are restored */
	bool show_renamed; /* lists show names as --transform and --strip-components make them */
	struct tarx_patterns xattrs_include, xattrs_exclude; /* owned; include none: all */
	enum tarx_old old;
	bool recursive_unlink;
	bool keep_directory_symlink;
	bool absolute_names;
	bool to_stdout;
	bool one_top_level;
	const char *top_level; /* borrowed; NULL: named by the archive */
	const char *starting_file; /* borrowed; NULL: from the first member on */
	unsigned int match; /* bits of enum tarx_match, for the names that follow */
	uint64_t occurrence; /* 0: each */
	bool full_time, utc, block_number;
	char **texts; /* owned, and what they point to: lists that operands and others are borrowed from */
	size_t text_count;
	bool listed; /* names came from -T: there may be none */
	bool list_stdin; /* one of the lists is standard input */
	bool list_null, list_verbatim, no_unquote; /* how the lists that follow are read */
	struct tarx_patterns exclude; /* owned */
	struct tarx_tag *tags; /* owned */
	size_t tag_count;
	struct tarx_override override; /* owned */
	bool newer, newer_mtime; /* only what is newer than that; by its modification alone */
	struct timespec newer_than;
	enum tarx_sort sort;
	bool dereference, hard_dereference;
	bool ignore_failed_read;
	bool check_links;
	bool totals;
	uint64_t silenced; /* bits: enum tarx_warning_kind */
	uint64_t record; /* bytes that the archive's length is a multiple of; 0: not given */
	enum tarx_press press;
	bool press_auto; /* by the archive's name */
	const char *press_command; /* borrowed */
};

/* Reads the command line. 0: go on; 1: done (--help, --version); -1: it was wrong, and a message
 * says so. */
int tarx_opts_parse(struct tarx_opts *opts, int argc, char **argv);
void tarx_opts_release(struct tarx_opts *opts);

/* Where the archive is read from: "-" is standard input. */
static inline const char *tarx_opts_source(const struct tarx_opts *opts)
{
	return opts->behind_command ? "-" : opts->archive;
}

/* Whether a person does not want to hear of KIND. */
static inline bool tarx_opts_silences(const struct tarx_opts *opts, enum tarx_warning_kind kind)
{
	return opts->silenced >> kind & 1;
}

/* How removals of PART, which is an archive within the archive, can be listed beside it: podman's list is wanted. */
static inline bool tarx_part_wants_list(const struct tarx_part *part)
{
	return part->whiteouts == TARX_WHITEOUTS_PODMAN ||
	       (part->whiteouts == TARX_WHITEOUTS_UNSET && part->overlay == TARX_OVERLAY_DIFF);
}

/* The --overlay that counts for what is stored of OPERAND: the last one before it, else the last one of all. */
static inline enum tarx_overlay tarx_opts_overlay(const struct tarx_opts *opts,
						  const struct tarx_operand *operand)
{
	return operand->overlay == TARX_OVERLAY_UNSET ? opts->overlay : operand->overlay;
}

/* Which attributes of files they mean; what is set of them is the business of whoever restores. */
struct tarx_meta_wants tarx_opts_wants(const struct tarx_opts *opts);

/* How many threads may work at once, at least 1: as given, else what the machine has, up to 4. */
unsigned int tarx_opts_threads(const struct tarx_opts *opts);

/* "4096", "4K", "1M": bytes, or -1. Pure. */
int64_t tarx_opts_size(const char *text);

#endif
