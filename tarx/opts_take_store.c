/* Options about what is stored of a file, and which files are. */
#include "tarx/chmod.h"
#include "tarx/date.h"
#include "tarx/opts_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------ owners and modes */

static int take_becomes(struct tarx_opts *opts, enum tarx_owner_kind kind, const char *option,
			char *value)
{
	if (tarx_becomes_parse(&opts->override.becomes[kind], kind, value) == 0)
		return 0;
	return tarx_opts_complain(option, value, "not NAME, NAME:NUMBER or a number of 32 bits");
}

int tarx_take_owner(struct tarx_opts *opts, char *value)
{
	return take_becomes(opts, TARX_USER, "--owner:", value);
}

int tarx_take_group(struct tarx_opts *opts, char *value)
{
	return take_becomes(opts, TARX_GROUP, "--group:", value);
}

static int take_map(struct tarx_opts *opts, enum tarx_owner_kind kind, const char *option,
		    const char *file)
{
	struct tx_err err;

	if (tarx_owner_map_read(&opts->override.maps[kind], kind, file, &err) < 0)
		return tarx_opts_complain(option, NULL, err.text);
	return 0;
}

int tarx_take_owner_map(struct tarx_opts *opts, char *value)
{
	return take_map(opts, TARX_USER, "--owner-map:", value);
}

int tarx_take_group_map(struct tarx_opts *opts, char *value)
{
	return take_map(opts, TARX_GROUP, "--group-map:", value);
}

int tarx_take_chmod(struct tarx_opts *opts, char *value)
{
	mode_t mode = S_IFREG;

	opts->override.umask = umask(0);
	umask(opts->override.umask);
	opts->override.mode = value;
	return tarx_chmod(value, 0, &mode) < 0 ? tarx_opts_complain("--mode:", value, "not a mode")
					       : 0;
}

/* ------------------------------------------------------------------ times */

/* A file's modification time, where VALUE begins as a path does; else a date. */
static int take_date(const char *option, const char *value, struct timespec *when)
{
	struct timespec now;
	struct stat st;

	if (*value == '/' || *value == '.') {
		if (stat(value, &st) < 0)
			return tarx_opts_complain(option, value, strerror(errno));
		*when = st.st_mtim;
		return 0;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	if (tarx_date_parse(value, &now, when) == 0)
		return 0;
	return tarx_opts_complain(
		option, value,
		"no date; such as @SECONDS, 2026-01-31, \"2026-01-31 12:00:00Z\", "
		"now, yesterday, or ./FILE");
}

int tarx_take_mtime(struct tarx_opts *opts, char *value)
{
	opts->override.has_mtime = true;
	return take_date("--mtime:", value, &opts->override.mtime);
}

static int take_newer(struct tarx_opts *opts, const char *option, const char *value, bool mtime)
{
	if (opts->newer)
		return tarx_opts_complain(option, value, "more than one date");
	opts->newer = true;
	opts->newer_mtime = mtime;
	return take_date(option, value, &opts->newer_than);
}

int tarx_take_newer(struct tarx_opts *opts, char *value)
{
	return take_newer(opts, "--newer:", value, false);
}

int tarx_take_newer_mtime(struct tarx_opts *opts, char *value)
{
	return take_newer(opts, "--newer-mtime:", value, true);
}

/* What builds that are to give the same bytes each time set: https://reproducible-builds.org/specs. */
static int take_epoch(struct tarx_opts *opts)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	char text[32];

	if (!epoch || !*epoch || !(opts->mode & (TARX_CREATE | TARX_APPEND)) ||
	    opts->override.has_mtime)
		return 0;
	if (strlen(epoch) >= sizeof(text) - 1 || strspn(epoch, "0123456789") != strlen(epoch))
		return tarx_opts_complain("SOURCE_DATE_EPOCH:", epoch, "not a number of seconds");
	text[0] = '@';
	strcpy(text + 1, epoch);
	opts->override.clamp = true;
	return tarx_take_mtime(opts, text);
}

/* How many operands, or only those that become nested tars, --overlay=diff counts for. */
static size_t count_diffs(const struct tarx_opts *opts, bool nested)
{
	size_t count = 0;

	for (size_t i = 0; i < opts->operand_count; i++)
		count += tarx_opts_overlay(opts, &opts->operands[i]) == TARX_OVERLAY_DIFF &&
			 (!nested || opts->operands[i].nest);
	return count;
}

static int check_removals(const struct tarx_opts *opts)
{
	if (opts->mode == TARX_CREATE && opts->whiteouts != TARX_WHITEOUTS_UNSET &&
	    opts->overlay != TARX_OVERLAY_DIFF && count_diffs(opts, false) == 0)
		return tarx_opts_complain(
			"--whiteouts: there are removals only with --overlay=diff", NULL, NULL);
	if (opts->whiteouts == TARX_WHITEOUTS_PODMAN && count_diffs(opts, true) > 0 &&
	    count_diffs(opts, false) > 1)
		return tarx_opts_complain(
			"--whiteouts=podman", NULL,
			"its one list cannot say of which of several trees something was removed; "
			"--overlay=auto behind the --nest that it is for");
	return 0;
}

int tarx_opts_check_store(struct tarx_opts *opts)
{
	if (check_removals(opts) < 0)
		return -1;
	if (take_epoch(opts) < 0)
		return -1;
	if (opts->override.clamp && !opts->override.has_mtime)
		return tarx_opts_complain("--clamp-mtime", NULL, "needs a date by --mtime");
	if (opts->dereference && count_diffs(opts, false) > 0)
		return tarx_opts_complain(
			"--dereference", NULL,
			"with --overlay=diff links would lead somewhere else in the upper layer");
	return 0;
}

/* ------------------------------------------------------------------ the archive */

int tarx_take_format(struct tarx_opts *opts, char *value)
{
	static const char *const others[] = { "gnu", "oldgnu", "ustar", "v7" };

	(void)opts;
	if (!strcmp(value, "pax") || !strcmp(value, "posix"))
		return 0;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (!strcmp(value, others[i]))
			return tarx_opts_complain(
				"--format:", value,
				"only pax is written: no other keeps all attributes, or room for "
				"aligned payloads");
	return tarx_opts_complain("--format:", value, "no format of archives");
}

int tarx_take_posix(struct tarx_opts *opts, char *value)
{
	(void)opts;
	(void)value;
	return 0;
}

static int take_record(struct tarx_opts *opts, const char *option, const char *value, int64_t size)
{
	if (size < 512 || size % 512 || size > INT32_MAX)
		return tarx_opts_complain(option, value, "not a number of blocks of 512 bytes");
	opts->record = (uint64_t)size;
	return 0;
}

int tarx_take_blocking(struct tarx_opts *opts, char *value)
{
	int64_t blocks = tarx_opts_size(value);

	if (blocks > INT32_MAX / 512)
		blocks = -1;
	return take_record(opts, "--blocking-factor:", value, blocks * 512);
}

int tarx_take_record_size(struct tarx_opts *opts, char *value)
{
	return take_record(opts, "--record-size:", value, tarx_opts_size(value));
}

/* ------------------------------------------------------------------ nested tars */

int tarx_take_nest(struct tarx_opts *opts, char *value)
{
	char *dir = strchr(value, '=');

	if (!dir || dir == value || dir[-1] == '/' || !dir[1])
		return tarx_opts_complain("--nest:", value, "not NAME=DIR");
	*dir = '\0';
	if (tarx_opts_operand(opts, dir + 1) < 0)
		return -1;
	opts->operands[opts->operand_count - 1].nest = value;
	return 0;
}

/* ------------------------------------------------------------------ warnings */

static const char *const keywords[TARX_WARN_KINDS] = {
	[TARX_WARN_ALONE_ZERO_BLOCK] = "alone-zero-block",
	[TARX_WARN_BAD_DUMPDIR] = "bad-dumpdir",
	[TARX_WARN_CACHEDIR] = "cachedir",
	[TARX_WARN_CONTIGUOUS_CAST] = "contiguous-cast",
	[TARX_WARN_FILE_CHANGED] = "file-changed",
	[TARX_WARN_FILE_IGNORED] = "file-ignored",
	[TARX_WARN_FILE_REMOVED] = "file-removed",
	[TARX_WARN_FILE_SHRANK] = "file-shrank",
	[TARX_WARN_FILE_UNCHANGED] = "file-unchanged",
	[TARX_WARN_FILENAME_WITH_NULS] = "filename-with-nuls",
	[TARX_WARN_IGNORE_ARCHIVE] = "ignore-archive",
	[TARX_WARN_IGNORE_NEWER] = "ignore-newer",
	[TARX_WARN_NEW_DIRECTORY] = "new-directory",
	[TARX_WARN_RENAME_DIRECTORY] = "rename-directory",
	[TARX_WARN_SYMLINK_CAST] = "symlink-cast",
	[TARX_WARN_TIMESTAMP] = "timestamp",
	[TARX_WARN_UNKNOWN_CAST] = "unknown-cast",
	[TARX_WARN_UNKNOWN_KEYWORD] = "unknown-keyword",
	[TARX_WARN_XDEV] = "xdev",
	[TARX_WARN_DECOMPRESS_PROGRAM] = "decompress-program",
	[TARX_WARN_EXISTING_FILE] = "existing-file",
	[TARX_WARN_XATTR_WRITE] = "xattr-write",
	[TARX_WARN_RECORD_SIZE] = "record-size",
	[TARX_WARN_FAILED_READ] = "failed-read",
};

int tarx_take_warning(struct tarx_opts *opts, char *value)
{
	bool no = !strncmp(value, "no-", 3);
	const char *keyword = value + (no ? 3 : 0);
	uint64_t bits = 0;

	if (!strcmp(value, "none") || !strcmp(keyword, "all")) {
		no |= *value == 'n';
		bits = (UINT64_C(1) << TARX_WARN_KINDS) - 1;
	}
	for (unsigned int i = 0; i < TARX_WARN_KINDS; i++)
		if (!strcmp(keyword, keywords[i]))
			bits = UINT64_C(1) << i;
	if (!bits)
		return tarx_opts_complain("--warning:", value, "no keyword for a kind of warnings");
	opts->silenced = no ? opts->silenced | bits : opts->silenced & ~bits;
	return 0;
}
