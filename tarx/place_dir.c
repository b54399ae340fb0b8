/* Directories as inodes: made at once, their attributes set last. */
#include "tarx/place_parts.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Until its own mode is set, what is made belongs to us alone. */
#define DIR_AT_FIRST 0700

static int open_directory(struct tarx_place *place, const char *name)
{
	int fd = openat(place->parent.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ------------------------------------------------------------------ subvolumes */

static bool makes_subvolume(struct tarx_place *place, const struct tarx_item *item)
{
	if (!item->subvolume)
		return false;
	if (place->report->opts->subvolumes)
		return true;
	if (tarx_say_once(place->report, TARX_ONCE_SUBVOLUME))
		tarx_notice(
			place->report,
			"%s: was a btrfs subvolume, restored as a directory (and so for others; "
			"see --subvolumes)",
			item->path);
	return false;
}

static void tell_no_subvolume(struct tarx_place *place, const struct tarx_item *item,
			      const char *why)
{
	if (tarx_say_once(place->report, TARX_ONCE_SUBVOLUME))
		tarx_warning(
			place->report,
			"%s: restored as a directory, not as a btrfs subvolume: %s (and so for "
			"others)",
			item->path, why);
}

/* 1: a subvolume was made, 0: it cannot be, or -errno (EEXIST). */
static int make_subvolume(struct tarx_place *place, const struct tarx_item *item, const char *name)
{
	struct tx_err err;
	int r;

	if (strcmp(place->parent.volume.name, "btrfs") != 0) {
		tell_no_subvolume(place, item, "this is another file system");
		return 0;
	}
	r = align_subvolume_make(place->parent.fd, name, &err);
	if (r == 0)
		return fchmodat(place->parent.fd, name, DIR_AT_FIRST, 0) < 0 ? -errno : 1;
	if (r == -EEXIST || tarx_place_is_fatal(place, -r))
		return r;
	tell_no_subvolume(place, item, err.text);
	return 0;
}

/* A subvolume that was there before is as good as a new one. */
static bool is_good_subvolume(struct tarx_place *place, const struct tarx_item *item, int fd)
{
	struct tx_err err;

	if (align_volume_is_subvolume(fd, &err) > 0)
		return true;
	tell_no_subvolume(place, item, "the directory is there already");
	return false;
}

/* ------------------------------------------------------------------ making */

/* Makes the directory NAME, or the subvolume; *SUBVOLUME says which. 0 or -errno. */
static int make_new(struct tarx_place *place, const struct tarx_item *item, const char *name,
		    bool *subvolume)
{
	int r = *subvolume ? make_subvolume(place, item, name) : 0;

	*subvolume = r > 0;
	if (r != 0)
		return r < 0 ? r : 0;
	return mkdirat(place->parent.fd, name, DIR_AT_FIRST) < 0 ? -errno : 0;
}

/* The new directory takes the place of what is no directory, once it is there itself. */
static int replace_by_directory(struct tarx_place *place, const struct tarx_item *item,
				const char *name, bool *subvolume)
{
	char temp[TX_TEMP_ROOM];
	int dir = place->parent.fd, r;

	tx_temp_name(temp);
	tarx_behind_settle(place->behind);
	place->parent.stale = true;
	r = make_new(place, item, temp, subvolume);
	if (r < 0)
		return r;
	/* It may have been a file that failed, and be gone. */
	if ((unlinkat(dir, name, 0) < 0 && errno != ENOENT) || renameat(dir, temp, dir, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir, temp, AT_REMOVEDIR);
	return r;
}

/* A directory that is there stays; anything else, a symbolic link too, gives way. *SUBVOLUME: a
 * subvolume is wanted, and then whether there is one. */
static int make_directory(struct tarx_place *place, const struct tarx_item *item, const char *name,
			  bool *subvolume, bool *was_there)
{
	bool wanted = *subvolume;
	int fd, r = make_new(place, item, name, subvolume);

	*was_there = false;
	if (r == 0)
		return open_directory(place, name);
	if (r != -EEXIST)
		return r;
	/* It may be one that was new a moment ago, with files that are not made yet. */
	tarx_behind_forget(place->behind);
	fd = open_directory(place, name);
	*was_there = fd >= 0;
	*subvolume = fd >= 0 && wanted && is_good_subvolume(place, item, fd);
	if (fd != -ENOTDIR && fd != -ELOOP)
		return fd;
	*subvolume = wanted;
	r = replace_by_directory(place, item, name, subvolume);
	return r < 0 ? r : open_directory(place, name);
}

/* A directory of lower layers that a diff changed is as it is in the diff, with no attribute more. */
static bool is_exact(const struct tarx_place *place)
{
	return place->removing.how == TARX_REMOVALS_MARK ||
	       place->removing.how == TARX_REMOVALS_APPLY;
}

int tarx_place_directory(struct tarx_place *place, const struct tarx_item *item, const char *path,
			 const char *name, struct tx_err *err)
{
	const unsigned int all = TARX_META_PROJECT | TARX_META_FLAGS | TARX_META_ALL |
				 TARX_META_LAST;
	/* The target itself is what whoever named it made it. */
	bool subvolume = *name && makes_subvolume(place, item), was_there;
	TX_FD fd = make_directory(place, item, *name ? name : ".", &subvolume, &was_there);
	struct stat st;
	int r;

	if (fd < 0)
		return tarx_place_refused(place->parent.fd, name, fd, "create the directory", err);
	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "look at it");
	/* As GNU tar does it: of what was there only the time changes. */
	if (was_there && place->report->opts->old == TARX_OLD_NO_OVERWRITE_DIR)
		return tarx_place_remember_directory(place, item, path, fd, &st, TARX_META_TIMES,
						     false, err);
	tarx_place_apply(place, item, &(struct tarx_meta_target){ .fd = fd },
			 TARX_META_XATTRS | (was_there && is_exact(place) ? TARX_META_EXACT : 0));
	r = tarx_place_remember_directory(place, item, path, fd, &st, all,
					  subvolume && !strcmp(item->subvolume, "ro"), err);
	if (r == 0)
		tarx_place_hold(place, path, tx_fd_steal(&fd), &st, !was_there);
	return r;
}
