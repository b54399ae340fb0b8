/* The command line as a struct. */
#ifndef TARX_OPTS_H
#define TARX_OPTS_H

#include "align/span.h"
#include "tarx/pattern.h"
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
	TARX_REALIGN = 32,
	TARX_INFO = 64,
};
enum tarx_overlay { TARX_OVERLAY_AUTO, TARX_OVERLAY_DIFF, TARX_OVERLAY_MERGED, TARX_OVERLAY_OFF };

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

struct tarx_operand {
	const char *dir; /* where it is looked up; NULL: where tarx was started */
	const char *path; /* borrowed from the command line */
	unsigned int match; /* bits of enum tarx_match, where it names a member */
};

#define TARX_ALIGN_UNSET 1u /* as if not given: where the archive's file system can clone */
#define TARX_ALIGN_BLOCK 2u /* the file system's block */
#define TARX_ALIGN_NONE  512u

struct tarx_opts {
	enum tarx_mode mode;
	const char *archive; /* borrowed; "-" is standard input or output */
	struct tarx_operand *operands; /* owned */
	size_t operand_count;
	const char *dir; /* the last -C; NULL: none */
	char **dirs; /* owned, and what they point to: every -C */
	size_t dir_count;
	int verbose;
	bool verbose_time;
	uint32_t align; /* bytes, or TARX_ALIGN_* */
	int64_t align_min; /* bytes; -1: not given */
	enum align_reflink reflink;
	enum tarx_overlay overlay;
	bool stats;
	const char *stats_file; /* borrowed; NULL: standard error */
	bool sync;
	bool touch;
	bool numeric_owner;
	int same_owner, same_permissions; /* 1, 0, or -1: as root yes, else no */
	bool xattrs, acls, selinux, fflags;
	bool subvolumes;
	bool one_file_system;
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
};

/* Reads the command line. 0: go on; 1: done (--help, --version); -1: it was wrong, and a message
 * says so. */
int tarx_opts_parse(struct tarx_opts *opts, int argc, char **argv);
void tarx_opts_release(struct tarx_opts *opts);

/* "4096", "4K", "1M": bytes, or -1. Pure. */
int64_t tarx_opts_size(const char *text);

#endif
