/* The command line as a struct. */
#ifndef TARX_OPTS_H
#define TARX_OPTS_H

#include "align/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum tarx_mode { TARX_CREATE = 1, TARX_EXTRACT = 2, TARX_LIST = 4 };
enum tarx_overlay { TARX_OVERLAY_AUTO, TARX_OVERLAY_DIFF, TARX_OVERLAY_MERGED, TARX_OVERLAY_OFF };

struct tarx_operand {
	const char *dir; /* where it is looked up; NULL: where tarx was started */
	const char *path; /* borrowed from the command line */
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
	bool ignore_zeros;
	bool numeric_owner;
	int same_owner, same_permissions; /* 1, 0, or -1: as root yes, else no */
	bool xattrs, acls;
};

/* Reads the command line. 0: go on; 1: done (--help, --version); -1: it was wrong, and a message
 * says so. */
int tarx_opts_parse(struct tarx_opts *opts, int argc, char **argv);
void tarx_opts_release(struct tarx_opts *opts);

/* "4096", "4K", "1M": bytes, or -1. Pure. */
int64_t tarx_opts_size(const char *text);

#endif
