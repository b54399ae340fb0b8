/* Regular files, links, devices and FIFOs as inodes. */
#include "tarx/place_parts.h"

#include "align/attrs.h"
#include "align/cleanup.h"
#include "align/io.h"
#include "tarx/fflags.h"
#include "tarx/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Until its own mode is set, what is made belongs to us alone: devices, FIFOs, and files that more than
 * a mode protects. */
#define MADE_AT_FIRST 0600

/* Of others' bits those that everyone has in the end and that only read: whoever the owner is until then,
 * nobody gets at more than the archive means. */
static mode_t mode_at_first(const struct tarx_place *place, const struct tarx_item *item)
{
	mode_t own = item->mode & 0700, all = own >> 6 & item->mode >> 3 & item->mode & 05;

	if (place->parent.acls || place->live.on || item->acl_access || item->xattr_count > 0 ||
	    item->no_owner)
		return MADE_AT_FIRST;
	return (own | all << 3 | all) & place->wants->mode_mask;
}

/* The end of every kind: R is how its making went. */
static int settle(struct tarx_place *place, struct tarx_spot *spot, int r, struct tx_err *err)
{
	int settled = r < 0 ? 0 : tarx_spot_settle(place, spot);

	if (settled < 0)
		r = tarx_place_refused(place->parent.fd, spot->name, settled,
				       "replace what is there", err);
	if (r < 0)
		tarx_spot_abandon(place, spot);
	return r;
}

/* ------------------------------------------------------------------ regular files */

static int check_reach(const struct tarx_item *item, const struct tarx_reader *reader,
		       struct tx_err *err)
{
	off_t end = reader->base + reader->size;

	if (item->data.off <= end && item->data.len <= end - item->data.off)
		return 0;
	return tx_reject(err, EBADMSG,
			 "the archive is truncated: %jd bytes from %jd on are missing",
			 (intmax_t)(item->data.len - (end - item->data.off)), (intmax_t)end);
}

/* Moves SPAN of the archive to byte AT; *END becomes that of the file. */
static int fill_piece(struct tarx_place *place, const struct align_span *span, int fd, off_t at,
		      off_t *end, struct tx_err *err)
{
	struct align_moved moved;
	int r = align_span_move(&place->mover, span, fd, at, &moved, err);

	place->refused |= r < 0 && moved.refused;
	if (r < 0)
		return r;
	if (moved.bytes < span->len)
		return tx_reject(err, EBADMSG, "the archive became shorter while it was read");
	if (!moved.ends_in_hole)
		*end = at + span->len;
	return 0;
}

/* Every segment, or the one piece that there is; holes between them are left out. */
static int fill_from_file(struct tarx_place *place, const struct tarx_item *item,
			  const struct tarx_reader *reader, int fd, struct tx_err *err)
{
	const struct tarx_segment whole = { 0, item->size, item->data.off };
	const struct tarx_segment *segments = item->segments ? item->segments : &whole;
	size_t count = item->segments ? item->segment_count : 1;
	off_t data = 0, end = 0;
	int r = check_reach(item, reader, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct align_span span = item->data;

		span.off = segments[i].at;
		span.len = segments[i].len;
		data += span.len;
		r = fill_piece(place, &span, fd, segments[i].off, &end, err);
	}
	if (r < 0)
		return r;
	place->mover.tally->hole += (uint64_t)(item->size - data);
	if (end < item->size && ftruncate(fd, item->size) < 0)
		return tx_fail(err, errno, "set the length");
	return 0;
}

static int fill_from_stream(struct tarx_place *place, const struct tarx_item *item,
			    struct tarx_reader *reader, int fd, struct tx_err *err)
{
	uint64_t copied = 0;
	const void *bytes;
	size_t len;
	off_t off, end = 0;
	int r;

	while ((r = tarx_reader_block(reader, &bytes, &len, &off, err)) > 0) {
		if (off < end || (off_t)len > item->size - off)
			return tx_reject(
				err, EBADMSG,
				"the archive is damaged: a piece of the file lies outside it");
		r = tx_write_at(fd, bytes, len, off);
		if (r < 0)
			return tx_fail(err, -r, "write %zu bytes at %jd", len, (intmax_t)off);
		copied += len;
		align_mover_tell(&place->mover, (off_t)len);
		end = off + (off_t)len;
	}
	if (r < 0)
		return r;
	if (end < item->size && !item->segments)
		return tx_reject(err, EBADMSG, "the archive is damaged: bytes are missing");
	if (end < item->size && ftruncate(fd, item->size) < 0)
		return tx_fail(err, errno, "set the length");
	place->mover.tally->copied += copied;
	place->mover.tally->hole += (uint64_t)item->size - copied;
	return 0;
}

/* A payload that lies in the file is worth more than its bytes from the reader's buffer where it
 * can be shared, or is long. */
static bool is_moved_directly(const struct tarx_place *place, const struct tarx_item *item)
{
	uint32_t block = place->mover.reflink == ALIGN_REFLINK_NEVER ? 0 : place->mover.block;

	if (item->data.fd < 0 || item->size == 0)
		return false;
	if (item->segments)
		return true;
	if (block && item->data.off % block == 0 && item->size >= block)
		return true;
	return item->size > 64 << 10;
}

static int fill(struct tarx_place *place, const struct tarx_item *item, struct tarx_reader *reader,
		int fd, struct tx_err *err)
{
	const struct align_volume *volume = place->live.within ? &place->live.volume
							       : &place->parent.volume;
	TX_FD real = -1; /* what bytes can be shared with, where that is not FD itself */

	if (item->size == 0)
		return 0;
	if (place->mover.reflink == ALIGN_REFLINK_ALWAYS && !volume->clones) {
		place->refused = true;
		return tx_fail(err, EOPNOTSUPP, "cannot share extents (%s has no reflinks)",
			       volume->name);
	}
	real = tarx_live_open_real(&place->live, fd);
	if (real >= 0)
		fd = real;
	/* XFS reserves space behind what grows, which would fill the holes. */
	if (item->segments && ftruncate(fd, item->size) < 0)
		return tx_fail(err, errno, "set the length");
	if (is_moved_directly(place, item))
		return fill_from_file(place, item, reader, fd, err);
	return fill_from_stream(place, item, reader, fd, err);
}

static int create_file(struct tarx_place *place, const struct tarx_item *item,
		       struct tarx_spot *spot)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	mode_t mode = mode_at_first(place, item);
	int fd;

	do
		fd = openat(place->parent.fd, tarx_spot_name(spot), flags, mode);
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
	r = fill(place, item, reader, fd, err);
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
	int fd = create_file(place, item, &spot), r;
	/* Into a directory that hands its project down nothing of another one can be renamed. */
	bool project_last = spot.temp[0] && item->has_projid;
	TX_FD again = -1;
	struct stat st;

	if (fd < 0)
		return tarx_place_refused(place->parent.fd, name, fd, "create", err);
	r = fill_flagged(place, item, reader, fd,
			 TARX_META_FLAGS | (project_last ? 0 : TARX_META_PROJECT), err);
	if (r == 0)
		r = apply_all(place, item, path, fd, fstat(fd, &st) == 0 ? &st : NULL, err);
	if (r == 0 && project_last)
		again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (close(fd) < 0 && r == 0)
		r = tx_fail(err, errno, "close");
	r = settle(place, &spot, r, err);
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

/* ------------------------------------------------------------------ links, devices, FIFOs */

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
	if (tarx_place_has_failed(place, target))
		return tx_reject(err, ENOENT, "a hard link to %s, which was not restored",
				 item->link);
	do
		r = make_hardlink(place, target, tarx_spot_name(&spot));
	while (r == -EEXIST && tarx_spot_step_aside(place, &spot));
	if (r < 0)
		return refused_link(place, target, r, err);
	return settle(place, &spot, 0, err);
}

static int make_special(struct tarx_place *place, const struct tarx_item *item, const char *name)
{
	mode_t type = item->mode & S_IFMT;
	int r;

	if (type == S_IFLNK)
		r = symlinkat(item->link ? item->link : "", place->parent.fd, name);
	else
		r = mknodat(place->parent.fd, name, type | MADE_AT_FIRST,
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
	return settle(place, &spot, r, err);
}
