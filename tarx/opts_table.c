/* Every option, in the order of --help. */
#include "tarx/opts_table.h"

#include <getopt.h>

/* What only tarx has is refused where it means nothing; GNU tar's own options are taken in every mode,
 * as GNU tar takes them. */
#define STORES (TARX_CREATE | TARX_APPEND)
#define WRITES (STORES | TARX_REALIGN)
#define MOVES  (WRITES | TARX_EXTRACT)
#define ANY    (MOVES | TARX_LIST | TARX_COMPARE | TARX_INFO)

static const char *const reflinks[] = { "auto", "always", "never", NULL };
static const char *const overlays[] = { "auto", "diff", "merged", "off", NULL };

const struct tarx_option tarx_options[] = {
	/* what to do */
	{ "create", 'c', ANY, no_argument, NULL, "write a new archive", .take = tarx_take_create },
	{ "extract", 'x', ANY, no_argument, NULL, "restore members, all or those named",
	  .take = tarx_take_extract },
	{ "get", 'x', ANY, no_argument, NULL, NULL, .take = tarx_take_extract },
	{ "list", 't', ANY, no_argument, NULL, "list members", .take = tarx_take_list },

	{ "compare", 'd', ANY, no_argument, NULL, "compare members with the disk",
	  .take = tarx_take_compare },
	{ "diff", 'd', ANY, no_argument, NULL, NULL, .take = tarx_take_compare },
	{ "append", 'r', ANY, no_argument, NULL, "add members to an archive in place",
	  .take = tarx_take_append },
	{ "info", 0, ANY, no_argument, NULL, "tell how an archive is laid out",
	  .take = tarx_take_info },

	/* which archive and which files */
	{ "file", 'f', ANY, required_argument, "FILE", "the archive; - or absent: stdin, stdout",
	  .text = offsetof(struct tarx_opts, archive) },
	{ "directory", 'C', ANY, required_argument, "DIR", "change to DIR; may be repeated",
	  .take = tarx_take_dir },

	/* other names */
	{ "transform", 0, ANY, required_argument, "EXPRESSION",
	  "names through s/REGEX/REPLACEMENT/FLAGS, as sed does", .take = tarx_take_transform },
	{ "xform", 0, ANY, required_argument, NULL, NULL, .take = tarx_take_transform },
	{ "strip-components", 0, ANY, required_argument, "NUMBER",
	  "restore names without their first NUMBER components", .take = tarx_take_strip },
	{ "show-transformed-names", 0, ANY, no_argument, NULL, "list names as those two make them",
	  .flag = offsetof(struct tarx_opts, show_renamed), .on = true },
	{ "show-stored-names", 0, ANY, no_argument, NULL, NULL,
	  .flag = offsetof(struct tarx_opts, show_renamed), .on = true },

	/* which members, and where they go */
	{ "absolute-names", 'P', ANY, no_argument, NULL, "names as they are, a leading / and ..",
	  .flag = offsetof(struct tarx_opts, absolute_names), .on = true },
	{ "wildcards", 0, ANY, no_argument, NULL, "names that follow are patterns",
	  .take = tarx_take_wildcards },
	{ "no-wildcards", 0, ANY, no_argument, NULL, "they are no patterns (default)",
	  .take = tarx_take_no_wildcards },
	{ "anchored", 0, ANY, no_argument, NULL, "they match from the start of a name (default)",
	  .take = tarx_take_anchored },
	{ "no-anchored", 0, ANY, no_argument, NULL, "they match behind any slash too",
	  .take = tarx_take_no_anchored },
	{ "ignore-case", 0, ANY, no_argument, NULL, "they match in upper and lower case",
	  .take = tarx_take_ignore_case },
	{ "no-ignore-case", 0, ANY, no_argument, NULL, "they match as written (default)",
	  .take = tarx_take_no_ignore_case },
	{ "wildcards-match-slash", 0, ANY, no_argument, NULL, "wildcards match slashes (default)",
	  .take = tarx_take_match_slash },
	{ "no-wildcards-match-slash", 0, ANY, no_argument, NULL, "they do not",
	  .take = tarx_take_no_match_slash },
	{ "recursion", 0, ANY, no_argument, NULL,
	  "names stand for what is beneath them too (default)", .take = tarx_take_recursion },
	{ "no-recursion", 0, ANY, no_argument, NULL, "they do not",
	  .take = tarx_take_no_recursion },
	{ "occurrence", 0, ANY, optional_argument, "NUMBER",
	  "only the NUMBERth member of each name; the first without",
	  .take = tarx_take_occurrence },
	{ "starting-file", 'K', ANY, required_argument, "MEMBER", "begin at MEMBER",
	  .text = offsetof(struct tarx_opts, starting_file) },

	/* what is there already */
	{ "keep-old-files", 'k', ANY, no_argument, NULL, "what is there stays, and is an error",
	  .take = tarx_take_keep_old },
	{ "skip-old-files", 0, ANY, no_argument, NULL, "what is there stays",
	  .take = tarx_take_skip_old },
	{ "keep-newer-files", 0, ANY, no_argument, NULL, "what is newer or of the same age stays",
	  .take = tarx_take_keep_newer },
	{ "overwrite", 0, ANY, no_argument, NULL, "write into files that are there",
	  .take = tarx_take_overwrite },
	{ "overwrite-dir", 0, ANY, no_argument, NULL,
	  "directories that are there get the member's attributes (default)",
	  .take = tarx_take_overwrite_dir },
	{ "no-overwrite-dir", 0, ANY, no_argument, NULL, "they keep their own",
	  .take = tarx_take_no_overwrite_dir },
	{ "unlink-first", 'U', ANY, no_argument, NULL,
	  "remove what is there, also empty directories", .take = tarx_take_unlink_first },
	{ "recursive-unlink", 0, ANY, no_argument, NULL, "and directories with all that is in them",
	  .take = tarx_take_recursive_unlink },
	{ "keep-directory-symlink", 0, ANY, no_argument, NULL,
	  "a symbolic link to a directory may stay for a directory",
	  .flag = offsetof(struct tarx_opts, keep_directory_symlink), .on = true },
	{ "one-top-level", 0, ANY, optional_argument, "DIR",
	  "restore beneath DIR, or what the archive's name says", .take = tarx_take_one_top_level },
	{ "to-stdout", 'O', ANY, no_argument, NULL, "write the content of files to standard output",
	  .flag = offsetof(struct tarx_opts, to_stdout), .on = true },
	{ "delay-directory-restore", 0, ANY, no_argument, NULL,
	  "directories' attributes come last (always so)", .take = tarx_take_delay },

	/* where payloads lie and how they are moved */
	{ "align", 0, WRITES, optional_argument, "SIZE|none",
	  "payloads start on multiples of SIZE, 512 to 1M; the block size without",
	  .take = tarx_take_align },
	{ "align-min", 0, WRITES, required_argument, "SIZE", "do not align files smaller than SIZE",
	  .take = tarx_take_align_min },
	{ "reflink", 0, MOVES, required_argument, "auto|always|never",
	  "share extents where possible, or fail, or never",
	  .word = offsetof(struct tarx_opts, reflink), .words = reflinks },
	{ "sync", 0, MOVES, no_argument, NULL, "on disk before the exit",
	  .flag = offsetof(struct tarx_opts, sync), .on = true },

	/* overlays */
	{ "overlay", 0, STORES, required_argument, "auto|diff|merged|off",
	  "what an overlay mount stands for: see tarx(1)",
	  .word = offsetof(struct tarx_opts, overlay), .words = overlays },

	/* owners, modes, times, attributes */
	{ "preserve-permissions", 'p', ANY, no_argument, NULL,
	  "restore modes as they are, not through the umask (root's default)",
	  .take = tarx_take_same_permissions },
	{ "same-permissions", 'p', ANY, no_argument, NULL, NULL,
	  .take = tarx_take_same_permissions },
	{ "no-same-permissions", 0, ANY, no_argument, NULL, "restore modes through the umask",
	  .take = tarx_take_no_same_permissions },
	{ "same-owner", 0, ANY, no_argument, NULL, "restore owners (root's default)",
	  .take = tarx_take_same_owner },
	{ "no-same-owner", 0, ANY, no_argument, NULL, "what is restored belongs to who restores it",
	  .take = tarx_take_no_same_owner },
	{ "numeric-owner", 0, ANY, no_argument, NULL, "numbers of users and groups, not names",
	  .flag = offsetof(struct tarx_opts, numeric_owner), .on = true },
	{ "touch", 'm', ANY, no_argument, NULL, "do not restore modification times",
	  .flag = offsetof(struct tarx_opts, touch), .on = true },
	{ "xattrs", 0, ANY, no_argument, NULL, "extended attributes too (default)",
	  .flag = offsetof(struct tarx_opts, xattrs), .on = true },
	{ "no-xattrs", 0, ANY, no_argument, NULL, "no extended attributes",
	  .flag = offsetof(struct tarx_opts, xattrs), .on = false },
	{ "xattrs-include", 0, ANY, required_argument, "PATTERN",
	  "only those whose name matches; may be repeated", .take = tarx_take_xattrs_include },
	{ "xattrs-exclude", 0, ANY, required_argument, "PATTERN",
	  "not those whose name matches; may be repeated", .take = tarx_take_xattrs_exclude },
	{ "selinux", 0, ANY, no_argument, NULL, "SELinux labels too (default)",
	  .flag = offsetof(struct tarx_opts, selinux), .on = true },
	{ "no-selinux", 0, ANY, no_argument, NULL, "no SELinux labels",
	  .flag = offsetof(struct tarx_opts, selinux), .on = false },
	{ "acls", 0, ANY, no_argument, NULL, "POSIX ACLs too (default)",
	  .flag = offsetof(struct tarx_opts, acls), .on = true },
	{ "no-acls", 0, ANY, no_argument, NULL, "no ACLs", .flag = offsetof(struct tarx_opts, acls),
	  .on = false },

	{ "fflags", 0, MOVES, no_argument, NULL,
	  "file flags of chattr(1) and quota projects too (default)",
	  .flag = offsetof(struct tarx_opts, fflags), .on = true },
	{ "no-fflags", 0, MOVES, no_argument, NULL, "neither of them",
	  .flag = offsetof(struct tarx_opts, fflags), .on = false },
	{ "subvolumes", 0, MOVES, no_argument, NULL, "btrfs subvolumes as such, not as directories",
	  .flag = offsetof(struct tarx_opts, subvolumes), .on = true },
	{ "one-file-system", 0, ANY, no_argument, NULL,
	  "what is mounted below, and subvolumes, as empty directories",
	  .flag = offsetof(struct tarx_opts, one_file_system), .on = true },

	/* what is told */
	{ "verbose", 'v', ANY, optional_argument, "time",
	  "name members (twice: long); =time: bytes, time, speed, how moved",
	  .take = tarx_take_verbose },
	{ "full-time", 0, ANY, no_argument, NULL, "list times in full",
	  .flag = offsetof(struct tarx_opts, full_time), .on = true },
	{ "utc", 0, ANY, no_argument, NULL, "list times in UTC",
	  .flag = offsetof(struct tarx_opts, utc), .on = true },
	{ "block-number", 'R', ANY, no_argument, NULL, "list the number of each member's block",
	  .flag = offsetof(struct tarx_opts, block_number), .on = true },
	{ "stats", 0, ANY, optional_argument, "FILE", "one JSON object at the end",
	  .take = tarx_take_stats },
	{ "help", 0, ANY, no_argument, NULL, "print this", .take = tarx_opts_help },
	{ "version", 0, ANY, no_argument, NULL, "print the version", .take = tarx_opts_version },
};

const size_t tarx_option_count = sizeof(tarx_options) / sizeof(*tarx_options);
