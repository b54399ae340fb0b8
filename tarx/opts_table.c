/* Every option, in the order of --help. */
#include "tarx/opts_table.h"

#include <getopt.h>

/* What only tarx has is refused where it means nothing; GNU tar's own options are taken in every mode,
 * as GNU tar takes them. */
#define ANY    (TARX_CREATE | TARX_EXTRACT | TARX_LIST)
#define WRITES TARX_CREATE
#define MOVES  (TARX_CREATE | TARX_EXTRACT)

static const char *const reflinks[] = { "auto", "always", "never", NULL };
static const char *const overlays[] = { "auto", "diff", "merged", "off", NULL };

const struct tarx_option tarx_options[] = {
	/* what to do */
	{ "create", 'c', ANY, no_argument, NULL, "write a new archive", .take = tarx_take_create },
	{ "extract", 'x', ANY, no_argument, NULL, "restore members, all or those named",
	  .take = tarx_take_extract },
	{ "get", 'x', ANY, no_argument, NULL, NULL, .take = tarx_take_extract },
	{ "list", 't', ANY, no_argument, NULL, "list members", .take = tarx_take_list },

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
	{ "overlay", 0, TARX_CREATE, required_argument, "auto|diff|merged|off",
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
	{ "stats", 0, ANY, optional_argument, "FILE", "one JSON object at the end",
	  .take = tarx_take_stats },
	{ "help", 0, ANY, no_argument, NULL, "print this", .take = tarx_opts_help },
	{ "version", 0, ANY, no_argument, NULL, "print the version", .take = tarx_opts_version },
};

const size_t tarx_option_count = sizeof(tarx_options) / sizeof(*tarx_options);
