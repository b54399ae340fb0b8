/* What opts.c, opts_take.c and opts_help.c share: the table of options. */
#ifndef TARX_OPTS_TABLE_H
#define TARX_OPTS_TABLE_H

#include "tarx/opts.h"

#include <stdbool.h>
#include <stddef.h>

/* One option, and what giving it does: exactly one of take, flag, text and word is set. */
struct tarx_option {
	const char *name;
	char letter; /* its short form, or 0 */
	unsigned int modes; /* enum tarx_mode: where it is taken */
	int argument; /* no_argument ... of getopt_long(3) */
	const char *argument_name;
	const char *help; /* NULL: another spelling of the one before */

	/* 0: go on; 1: done; -1: it was wrong, and was said. VALUE is NULL where none was given. */
	int (*take)(struct tarx_opts *opts, char *value);
	size_t flag; /* the offset of a bool, which becomes ON */
	bool on;
	size_t text; /* the offset of a const char *, which becomes the value */
	size_t word; /* the offset of an enum, which becomes the value's place among WORDS */
	const char *const *words; /* ends with NULL */
};

extern const struct tarx_option tarx_options[];
extern const size_t tarx_option_count;

/* Says on standard error what is wrong with the command line. Returns -1. */
int tarx_opts_complain(const char *what, const char *word, const char *why);
int tarx_opts_no_memory(void);

/* PATH is to be stored, or is a member's name, counted from the last -C. 0 or -1. */
int tarx_opts_operand(struct tarx_opts *opts, const char *path);

int tarx_take_create(struct tarx_opts *opts, char *value);
int tarx_take_extract(struct tarx_opts *opts, char *value);
int tarx_take_list(struct tarx_opts *opts, char *value);
int tarx_take_compare(struct tarx_opts *opts, char *value);
int tarx_take_append(struct tarx_opts *opts, char *value);
int tarx_take_info(struct tarx_opts *opts, char *value);
int tarx_take_realign(struct tarx_opts *opts, char *value);
int tarx_take_take_from(struct tarx_opts *opts, char *value);
int tarx_take_overwrite_dir(struct tarx_opts *opts, char *value);
int tarx_take_no_overwrite_dir(struct tarx_opts *opts, char *value);
int tarx_take_overwrite(struct tarx_opts *opts, char *value);
int tarx_take_unlink_first(struct tarx_opts *opts, char *value);
int tarx_take_recursive_unlink(struct tarx_opts *opts, char *value);
int tarx_take_keep_old(struct tarx_opts *opts, char *value);
int tarx_take_skip_old(struct tarx_opts *opts, char *value);
int tarx_take_keep_newer(struct tarx_opts *opts, char *value);
int tarx_take_one_top_level(struct tarx_opts *opts, char *value);
int tarx_take_occurrence(struct tarx_opts *opts, char *value);
int tarx_take_delay(struct tarx_opts *opts, char *value);
int tarx_take_wildcards(struct tarx_opts *opts, char *value);
int tarx_take_no_wildcards(struct tarx_opts *opts, char *value);
int tarx_take_anchored(struct tarx_opts *opts, char *value);
int tarx_take_no_anchored(struct tarx_opts *opts, char *value);
int tarx_take_ignore_case(struct tarx_opts *opts, char *value);
int tarx_take_no_ignore_case(struct tarx_opts *opts, char *value);
int tarx_take_match_slash(struct tarx_opts *opts, char *value);
int tarx_take_no_match_slash(struct tarx_opts *opts, char *value);
int tarx_take_recursion(struct tarx_opts *opts, char *value);
int tarx_take_no_recursion(struct tarx_opts *opts, char *value);
int tarx_take_xattrs_include(struct tarx_opts *opts, char *value);
int tarx_take_xattrs_exclude(struct tarx_opts *opts, char *value);
int tarx_take_dir(struct tarx_opts *opts, char *value);
int tarx_take_verbose(struct tarx_opts *opts, char *value);
int tarx_take_align(struct tarx_opts *opts, char *value);
int tarx_take_threads(struct tarx_opts *opts, char *value);
int tarx_take_align_min(struct tarx_opts *opts, char *value);
int tarx_take_hole_detection(struct tarx_opts *opts, char *value);
int tarx_take_sparse_version(struct tarx_opts *opts, char *value);
int tarx_take_progress(struct tarx_opts *opts, char *value);
int tarx_take_stats(struct tarx_opts *opts, char *value);
int tarx_take_same_owner(struct tarx_opts *opts, char *value);
int tarx_take_no_same_owner(struct tarx_opts *opts, char *value);
int tarx_take_same_permissions(struct tarx_opts *opts, char *value);
int tarx_take_no_same_permissions(struct tarx_opts *opts, char *value);

/* opts_names.c */
int tarx_take_transform(struct tarx_opts *opts, char *value);
int tarx_take_strip(struct tarx_opts *opts, char *value);
int tarx_take_exclude(struct tarx_opts *opts, char *value);
int tarx_take_exclude_from(struct tarx_opts *opts, char *value);
int tarx_take_exclude_vcs(struct tarx_opts *opts, char *value);
int tarx_take_exclude_backups(struct tarx_opts *opts, char *value);
int tarx_take_exclude_caches(struct tarx_opts *opts, char *value);
int tarx_take_exclude_caches_under(struct tarx_opts *opts, char *value);
int tarx_take_exclude_caches_all(struct tarx_opts *opts, char *value);
int tarx_take_exclude_tag(struct tarx_opts *opts, char *value);
int tarx_take_exclude_tag_under(struct tarx_opts *opts, char *value);
int tarx_take_exclude_tag_all(struct tarx_opts *opts, char *value);

/* opts_list.c */
int tarx_take_files_from(struct tarx_opts *opts, char *value);
int tarx_take_null(struct tarx_opts *opts, char *value);
int tarx_take_no_null(struct tarx_opts *opts, char *value);
int tarx_take_add_file(struct tarx_opts *opts, char *value);

/* Reads FILE for as long as OPTS lives; AT is its first byte, END that behind the last. 0 or -1. */
int tarx_opts_text(struct tarx_opts *opts, const char *option, const char *file, char **at,
		   char **end);

/* opts_take_store.c */
int tarx_take_owner(struct tarx_opts *opts, char *value);
int tarx_take_group(struct tarx_opts *opts, char *value);
int tarx_take_owner_map(struct tarx_opts *opts, char *value);
int tarx_take_group_map(struct tarx_opts *opts, char *value);
int tarx_take_chmod(struct tarx_opts *opts, char *value);
int tarx_take_mtime(struct tarx_opts *opts, char *value);
int tarx_take_newer(struct tarx_opts *opts, char *value);
int tarx_take_newer_mtime(struct tarx_opts *opts, char *value);
int tarx_take_format(struct tarx_opts *opts, char *value);
int tarx_take_posix(struct tarx_opts *opts, char *value);
int tarx_take_blocking(struct tarx_opts *opts, char *value);
int tarx_take_record_size(struct tarx_opts *opts, char *value);
int tarx_take_warning(struct tarx_opts *opts, char *value);
int tarx_take_nest(struct tarx_opts *opts, char *value);

/* What the environment says of times (SOURCE_DATE_EPOCH), and whether these options go together. 0 or -1. */
int tarx_opts_check_store(struct tarx_opts *opts);

/* opts_take_inner.c */
int tarx_take_inner(struct tarx_opts *opts, char *value);

/* All was read: ends the last part, and checks them. 0 or -1. */
int tarx_opts_end_parts(struct tarx_opts *opts);

/* opts_take_press.c */
int tarx_take_gzip(struct tarx_opts *opts, char *value);
int tarx_take_bzip2(struct tarx_opts *opts, char *value);
int tarx_take_xz(struct tarx_opts *opts, char *value);
int tarx_take_zstd(struct tarx_opts *opts, char *value);
int tarx_take_lz4(struct tarx_opts *opts, char *value);
int tarx_take_lzma(struct tarx_opts *opts, char *value);
int tarx_take_lzip(struct tarx_opts *opts, char *value);
int tarx_take_compress(struct tarx_opts *opts, char *value);
int tarx_take_press_command(struct tarx_opts *opts, char *value);

/* Decides on the compression: by the archive's name, where that is wanted. 0 or -1. */
int tarx_opts_check_press(struct tarx_opts *opts);

/* --help and --version. Return 1. */
int tarx_opts_help(struct tarx_opts *opts, char *value);
int tarx_opts_version(struct tarx_opts *opts, char *value);

#endif
