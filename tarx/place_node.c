/* Links, devices and FIFOs as inodes. */
#include "tarx/place_parts.h"

#include "align/cleanup.h"
#include "tarx/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Hard links to what lies beneath the target; a symbolic link is linked itself. */
static int make_hardlink(struct tarx_place *place, const char *target, const char *name)
{
	const char *slash = strrchr(target, '/');
	size_t dir_len = slash ? (size_t)(slash - target) + (slash == target) : 0;
	TX_FREE char *dir = slash ? strndup(target, dir_len) : strdup(".");
	const char *last = slash ? slash + 1 : target;
	TX_FD from = -1;

	if (!dir)
		return -ENOMEM;
	from = tarx_place_find(place, dir, O_PATH | O_DIRECTORY);
	if (from < 0)
		return from;
	return linkat(from, last, place->parent.fd, name, 0) < 0 ? -errno : 0;
}

/* Begins the error R of a link to TARGET, which a flag of it may forbid. */
static int refused_link(const struct tarx_place *place, const char *target, int r,
			struct tx_err *err)
{
	TX_FD fd = r == -EPERM ? tarx_place_find(place, target, O_PATH | O_NOFOLLOW) : -1;
	char what[TX_ERR_ROOM / 2];

	snprintf(what, sizeof(what), "link to %s", target);
	return tarx_place_refused(fd >= 0 ? fd : place->parent.fd, NULL, r, what, err);
}

int tarx_place_hardlink(struct tarx_place *place, const struct tarx_item *item, const char *name,
			struct tx_err *err)
{
	TX_FREE char *target = place->anywhere ? tarx_path_named(item->link)
					       : tarx_path_restored(item->link);
	struct tarx_spot spot = { .name = name };
	int r;

	if (!target || !*target)
		return tx_reject(err, EINVAL, "a hard link to %s, which is not beneath the target",
				 item->link);
	tarx_behind_settle(place->behind);
	if (tarx_place_has_failed(place, target))
		return tx_reject(err, ENOENT, "a hard link to %s, which was not restored",
				 item->link);
	do
		r = make_hardlink(place, target, tarx_spot_name(&spot));
	while (r == -EEXIST && tarx_spot_step_aside(place, &spot));
	if (r < 0)
		return refused_link(place, target, r, err);
	return tarx_spot_end(place, &spot, 0, err);
}

static int make_special(struct tarx_place *place, const struct tarx_item *item, const char *name)
{
	mode_t type = item->mode & S_IFMT;
	int r;

	if (type == S_IFLNK)
		r = symlinkat(item->link ? item->link : "", place->parent.fd, name);
	else
		r = mknodat(place->parent.fd, name, type | TARX_MADE_AT_FIRST,
			    S_ISFIFO(type) ? 0 : item->rdev);
	return r < 0 ? -errno : 0;
}

/* Where others may write too: is what we opened what we made, and known by this name only? */
static int check_special(const struct tarx_item *item, int fd, struct stat *st, struct tx_err *err)
{
	if (fstat(fd, st) < 0)
		return tx_fail(err, errno, "look at it");
	if ((st->st_mode & S_IFMT) != (item->mode & S_IFMT) || st->st_nlink != 1)
		return tx_reject(err, ESTALE, "somebody replaced it while it was being restored");
	return 0;
}

int tarx_place_special(struct tarx_place *place, const struct tarx_item *item, const char *name,
		       struct tx_err *err)
{
	struct tarx_spot spot = { .name = name };
	struct stat st;
	TX_FD fd = -1;
	int r;

	do
		r = make_special(place, item, tarx_spot_name(&spot));
	while (r == -EEXIST && tarx_spot_step_aside(place, &spot));
	if (r < 0)
		return tarx_place_refused(place->parent.fd, name, r, "create", err);
	fd = openat(place->parent.fd, tarx_spot_name(&spot), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? tx_fail(err, errno, "open") : check_special(item, fd, &st, err);
	if (r == 0 && S_ISLNK(item->mode) && tarx_place_note_symlink(place, fd) < 0)
		r = tx_fail(err, ENOMEM, "remember the link");
	if (r == 0)
		tarx_place_apply(
			place, item,
			&(struct tarx_meta_target){ .fd = fd, .by_path = true, .now = &st },
			TARX_META_ALL);
	return tarx_spot_end(place, &spot, r, err);
}
