/* Regular files as inodes. */
#include "tarx/place_parts.h"

#include "align/attrs.h"
#include "align/cleanup.h"
#include "align/io.h"
#include "tarx/fflags.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <unistd.h>

/* Of others' bits those that everyone has in the end and that only read: whoever the owner is until then,
 * nobody gets at more than the archive means. */
static mode_t mode_at_first(const struct tarx_place *place, const struct tarx_item *item)
{
	mode_t own = item->mode & 0700, all = own >> 6 & item->mode >> 3 & item->mode & 05;

	if (place->parent.acls || place->live.on || item->acl_access || item->xattr_count > 0 ||
	    item->no_owner)
		return TARX_MADE_AT_FIRST;
	return (own | all << 3 | all) & place->wants->mode_mask;
}

static int create_file(struct tarx_place *place, const struct tarx_item *item,
		       struct tarx_spot *spot)
{
	mode_t mode = mode_at_first(place, item);
	int fd;

	do
		fd = openat(place->parent.fd, tarx_spot_name(spot), TARX_NEW_FILE, mode);
	while (fd < 0 && errno == EEXIST && tarx_spot_step_aside(place, spot));
	return fd < 0 ? -errno : fd;
}

/* Between a file with copy-on-write and one without nothing can be shared: btrfs would refuse. Under
 * --reflink=always it is tried all the same, as then the refusal is what counts. */
static bool differs_in_cow(const struct tarx_place *place, const struct tarx_item *item,
			   int archive)
{
	if (place->mover.reflink == ALIGN_REFLINK_ALWAYS || !place->wants->fflags ||
	    !item->fflags || !(tarx_fflags_parse(item->fflags, NULL, NULL) & FS_NOCOW_FL))
		return false;
	return !align_attrs_no_cow(archive);
}

/* Flags, then bytes: some flags can only be given to an empty file. */
static int fill_flagged(struct tarx_place *place, const struct tarx_item *item,
			struct tarx_reader *reader, int fd, unsigned int parts, struct tx_err *err)
{
	uint32_t block = place->mover.block;
	int r;

	if (item->fflags || item->has_projid || tarx_meta_compression(item))
		tarx_place_apply(place, item, &(struct tarx_meta_target){ .fd = fd }, parts);
	if (differs_in_cow(place, item, reader->fd))
		place->mover.block = 0;
	r = tarx_place_fill(place, item, reader, fd, err);
	place->mover.block = block;
	return r;
}

/* Flags that forbid links and replacing wait; who cannot set them is told so at once. NOW is what the file
 * has, or NULL. */
static int apply_all(struct tarx_place *place, const struct tarx_item *item, const char *path,
		     int fd, const struct stat *now, struct tx_err *err)
{
	bool last = place->wants->fflags && tarx_meta_has_last(item);

	tarx_place_apply(place, item, &(struct tarx_meta_target){ .fd = fd, .now = now },
			 TARX_META_ALL | (last && !place->privileged ? TARX_META_LAST : 0));
	if (last && place->privileged)
		return tarx_place_remember_file(place, item, path, fd, err);
	return 0;
}

int tarx_place_file(struct tarx_place *place, const struct tarx_item *item, const char *path,
		    const char *name, struct tarx_reader *reader, struct tx_err *err)
{
	struct tarx_spot spot = { .name = name };
	bool can_wait = tarx_place_can_wait(place, item, path), project_last;
	TX_FD again = -1;
	struct stat st;
	int fd, r;

	if (can_wait && place->fresh)
		return tarx_place_fill_behind(place, item, path, -1, mode_at_first(place, item),
					      reader, err);
	fd = create_file(place, item, &spot);
	if (fd < 0)
		return tarx_place_refused(place->parent.fd, name, fd, "create", err);
	if (can_wait && !spot.temp[0]) {
		r = tarx_place_fill_behind(place, item, path, fd, 0, reader, err);
		return tarx_spot_end(place, &spot, r, err);
	}
	/* Into a directory that hands its project down nothing of another one can be renamed. */
	project_last = spot.temp[0] && item->has_projid;
	r = fill_flagged(place, item, reader, fd,
			 TARX_META_FLAGS | (project_last ? 0 : TARX_META_PROJECT), err);
	if (r == 0)
		r = apply_all(place, item, path, fd, fstat(fd, &st) == 0 ? &st : NULL, err);
	if (r == 0 && project_last)
		again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (close(fd) < 0 && r == 0)
		r = tx_fail(err, errno, "close");
	r = tarx_spot_end(place, &spot, r, err);
	if (r == 0 && project_last)
		tarx_place_apply(place, item, &(struct tarx_meta_target){ .fd = again },
				 TARX_META_PROJECT);
	return r;
}

static int open_old(const struct tarx_place *place, const char *name,
		    const struct tarx_reader *reader, struct tx_err *err)
{
	TX_FD fd = openat(place->parent.fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st, archive;

	if (fd < 0 || fstat(fd, &st) < 0)
		return tx_fail(err, errno, "overwrite");
	if (!S_ISREG(st.st_mode))
		return tx_reject(err, ESTALE, "somebody replaced what was to be overwritten");
	if (fstat(reader->fd, &archive) == 0 && archive.st_dev == st.st_dev &&
	    archive.st_ino == st.st_ino)
		return tx_reject(err, EINVAL, "it is the archive itself, and is not overwritten");
	if (ftruncate(fd, 0) < 0)
		return tx_fail(err, errno, "overwrite");
	return tx_fd_steal(&fd);
}

int tarx_place_over_file(struct tarx_place *place, const struct tarx_item *item, const char *path,
			 const char *name, struct tarx_reader *reader, struct tx_err *err)
{
	TX_FD fd = open_old(place, name, reader, err);
	int r;

	if (fd < 0)
		return fd;
	r = fill_flagged(place, item, reader, fd, TARX_META_FLAGS | TARX_META_PROJECT, err);
	return r < 0 ? r : apply_all(place, item, path, fd, NULL, err);
}
