/* What becomes of what is there already: GNU tar's options about old files. */
#include "tarx/place_parts.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "align/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------ each option */

/* Or as old. */
static bool is_newer(const struct tarx_item *item, const struct tarx_reader *reader,
		     const struct stat *st)
{
	if (st->st_mtim.tv_sec != item->mtime.tv_sec || !tarx_reader_keeps_fractions(reader))
		return st->st_mtim.tv_sec >= item->mtime.tv_sec;
	return st->st_mtim.tv_nsec >= item->mtime.tv_nsec;
}

static bool leads_to_directory(const struct tarx_place *place, const char *path)
{
	TX_FD fd = tarx_place_find(place, path, O_PATH | O_DIRECTORY);

	return fd >= 0;
}

static int keep(const struct tarx_place *place, const struct tarx_item *item, const char *path,
		const struct stat *st, struct tx_err *err)
{
	if (S_ISDIR(item->mode) && (S_ISDIR(st->st_mode) || leads_to_directory(place, path)))
		return TARX_OLD_STAYS;
	return tx_fail(err, EEXIST, "create (--keep-old-files)");
}

static int skip(struct tarx_place *place, const struct tarx_item *item)
{
	const struct tarx_opts *opts = place->report->opts;

	if (opts->verbose && !tarx_opts_silences(opts, TARX_WARN_EXISTING_FILE))
		tarx_notice(place->report, "%s: skipping existing file", item->path);
	return TARX_OLD_STAYS;
}

static int keep_newer(struct tarx_place *place, const struct tarx_item *item,
		      const struct tarx_reader *reader, const char *name, const struct stat *st)
{
	if (!S_ISDIR(st->st_mode) && is_newer(item, reader, st)) {
		if (!tarx_opts_silences(place->report->opts, TARX_WARN_IGNORE_NEWER))
			tarx_notice(place->report, "Current '%s' is newer or same age", item->path);
		return TARX_OLD_STAYS;
	}
	/* As GNU tar has it: a directory with something in it keeps its attributes. */
	if (S_ISDIR(st->st_mode) && S_ISDIR(item->mode) && *name) {
		if (unlinkat(place->parent.fd, name, AT_REMOVEDIR) < 0)
			return TARX_OLD_STAYS;
		place->parent.stale = true;
	}
	return TARX_OLD_GIVES_WAY;
}

/* A file gives way when the new one is complete; only a directory has to go first. */
static int unlink_first(struct tarx_place *place, const char *name, const struct stat *st,
			struct tx_err *err)
{
	int dir = place->parent.fd, r = 0;

	if (!S_ISDIR(st->st_mode) || !*name || !strcmp(name, ".."))
		return TARX_OLD_GIVES_WAY;
	place->parent.stale = true;
	if (place->report->opts->recursive_unlink)
		r = tx_remove_tree(dir, name);
	else if (unlinkat(dir, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r < 0 ? tx_fail(err, -r, "unlink the directory first") : TARX_OLD_GIVES_WAY;
}

static int overwrite(const struct tarx_item *item, const struct stat *st, struct tx_err *err)
{
	bool file = S_ISREG(item->mode) && !item->hardlink;

	if (file && S_ISDIR(st->st_mode))
		return tx_fail(err, EISDIR, "overwrite");
	return file && S_ISREG(st->st_mode) ? TARX_OLD_IS_WRITTEN : TARX_OLD_GIVES_WAY;
}

/* --keep-directory-symlink. 1: the link stays; 0: it is none to a directory; or -errno. */
static int keep_link(const struct tarx_place *place, const char *path, struct tx_err *err)
{
	TX_FD fd = tarx_place_find(place, path, O_PATH | O_DIRECTORY);

	if (fd == -EXDEV)
		return tx_reject(err, EXDEV,
				 "a symbolic link that is absolute or leads out of the target is "
				 "there, and is not kept as a directory");
	return fd >= 0;
}

int tarx_place_meet_old(struct tarx_place *place, const struct tarx_item *item, const char *path,
			const char *name, const struct tarx_reader *reader, struct tx_err *err)
{
	const struct tarx_opts *opts = place->report->opts;
	struct stat st;
	int r = 0;

	if (opts->old == TARX_OLD_REPLACE && !opts->keep_directory_symlink)
		return TARX_OLD_GIVES_WAY;
	if (fstatat(place->parent.fd, *name ? name : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? TARX_OLD_GIVES_WAY : tx_fail(err, errno, "look at it");
	if (opts->keep_directory_symlink && S_ISLNK(st.st_mode) && S_ISDIR(item->mode))
		r = keep_link(place, path, err);
	if (r != 0)
		return r < 0 ? r : TARX_OLD_STAYS;
	switch (opts->old) {
	case TARX_OLD_KEEP:
		return keep(place, item, path, &st, err);
	case TARX_OLD_SKIP:
		return skip(place, item);
	case TARX_OLD_KEEP_NEWER:
		return keep_newer(place, item, reader, name, &st);
	case TARX_OLD_UNLINK:
		return unlink_first(place, name, &st, err);
	case TARX_OLD_OVERWRITE:
		return overwrite(item, &st, err);
	default:
		return TARX_OLD_GIVES_WAY;
	}
}
