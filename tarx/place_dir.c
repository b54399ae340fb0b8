/* Directories as inodes: made at once, their attributes set last. */
#include "tarx/place_parts.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Until its own mode is set, what is made belongs to us alone. */
#define DIR_AT_FIRST 0700

struct tarx_later {
	char *path; /* owned; beneath the target */
	struct align_handle handle; /* owned */
	dev_t dev;
	ino_t ino;
	size_t order, depth;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	char *uname, *gname, *acl_access, *acl_default; /* owned, or NULL */
	struct timespec mtime;
	unsigned int parts; /* TARX_META_* */
	bool no_owner;
	bool clear_acls;
};

static char *keep_text(const char *text, bool *lost)
{
	char *copy = text ? strdup(text) : NULL;

	*lost |= text && !copy;
	return copy;
}

static void release_later(struct tarx_later *later)
{
	align_handle_release(&later->handle);
	free(later->path);
	free(later->uname);
	free(later->gname);
	free(later->acl_access);
	free(later->acl_default);
}

static size_t depth_of(const char *path)
{
	size_t depth = *path != '\0';

	for (; *path; path++)
		depth += *path == '/';
	return depth;
}

static struct tarx_later *add_later(struct tarx_place *place)
{
	if (place->later_count == place->later_room) {
		size_t room = place->later_room ? place->later_room * 2 : 64;
		struct tarx_later *later = realloc(place->later, room * sizeof(*later));

		if (!later)
			return NULL;
		place->later = later;
		place->later_room = room;
	}
	return &place->later[place->later_count++];
}

static int remember_directory(struct tarx_place *place, const struct tarx_item *item,
			      const char *path, int fd, unsigned int parts, struct tx_err *err)
{
	struct tarx_later *later = add_later(place);
	bool lost = false;
	struct stat st;

	if (!later)
		return tx_fail(err, ENOMEM, "remember the directory");
	*later = (struct tarx_later){
		.path = keep_text(path, &lost),
		.uname = keep_text(item->uname, &lost),
		.gname = keep_text(item->gname, &lost),
		.acl_access = keep_text(item->acl_access, &lost),
		.acl_default = keep_text(item->acl_default, &lost),
		.order = place->later_count,
		.depth = depth_of(path),
		.mode = item->mode,
		.uid = item->uid,
		.gid = item->gid,
		.mtime = item->mtime,
		.parts = parts,
		.no_owner = item->no_owner,
		.clear_acls = place->parent.acls,
	};
	if (lost)
		return tx_fail(err, ENOMEM, "remember the directory");
	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "look at the directory");
	later->dev = st.st_dev;
	later->ino = st.st_ino;
	/* Where there are no handles the path is taken, and must lead to the same inode. */
	if (place->privileged)
		align_handle_take(&place->parent.volume, &later->handle, fd);
	return 0;
}

static int open_directory(struct tarx_place *place, const char *name)
{
	int fd = openat(place->parent.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The new directory takes the place of what is no directory, once it is there itself. */
static int replace_by_directory(struct tarx_place *place, const char *name)
{
	char temp[TX_TEMP_ROOM];
	int dir = place->parent.fd, r = 0;

	tx_temp_name(temp);
	if (mkdirat(dir, temp, DIR_AT_FIRST) < 0)
		return -errno;
	if (unlinkat(dir, name, 0) < 0 || renameat(dir, temp, dir, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir, temp, AT_REMOVEDIR);
	return r;
}

/* A directory that is there stays; anything else, a symbolic link too, gives way. */
static int make_directory(struct tarx_place *place, const char *name, bool *was_there)
{
	int r, fd;

	*was_there = false;
	if (mkdirat(place->parent.fd, name, DIR_AT_FIRST) == 0)
		return open_directory(place, name);
	if (errno != EEXIST)
		return -errno;
	fd = open_directory(place, name);
	*was_there = fd >= 0;
	if (fd != -ENOTDIR && fd != -ELOOP)
		return fd;
	r = replace_by_directory(place, name);
	return r < 0 ? r : open_directory(place, name);
}

int tarx_place_directory(struct tarx_place *place, const struct tarx_item *item, const char *path,
			 const char *name, struct tx_err *err)
{
	bool was_there;
	TX_FD fd = make_directory(place, *name ? name : ".", &was_there);

	if (fd < 0)
		return tx_fail(err, -fd, "create the directory");
	/* As GNU tar does it: of what was there only the time changes. */
	if (was_there && place->report->opts->old == TARX_OLD_NO_OVERWRITE_DIR)
		return remember_directory(place, item, path, fd, TARX_META_TIMES, err);
	tarx_place_apply(place, item, fd, false, TARX_META_XATTRS);
	return remember_directory(place, item, path, fd,
				  TARX_META_ALL & ~(unsigned int)TARX_META_XATTRS, err);
}

/* The deepest first, so that closing a directory to us never stands in the way; what came twice in
 * its order, so that the last one counts. */
static int by_depth(const void *a, const void *b)
{
	const struct tarx_later *x = a, *y = b;

	if (x->depth != y->depth)
		return x->depth > y->depth ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static int open_again(const struct tarx_place *place, const struct tarx_later *later)
{
	TX_FD fd = align_handle_open(&later->handle, O_RDONLY | O_DIRECTORY);
	struct stat st;

	/* Gone for good; other failures of a handle (it needs privilege) leave the path. */
	if (fd == -ESTALE)
		return fd;
	if (fd < 0)
		fd = tarx_place_find(place, later->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != later->dev || st.st_ino != later->ino)
		return -ESTALE;
	return tx_fd_steal(&fd);
}

static void finish_directory(struct tarx_place *place, const struct tarx_later *later)
{
	const struct tarx_item item = {
		.path = *later->path ? later->path : ".",
		.mode = later->mode,
		.uid = later->uid,
		.gid = later->gid,
		.no_owner = later->no_owner,
		.uname = later->uname,
		.gname = later->gname,
		.mtime = later->mtime,
		.acl_access = later->acl_access,
		.acl_default = later->acl_default,
	};
	TX_FD fd = open_again(place, later);

	/* A later member may have taken its place, and is right to. */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV || fd == -ESTALE)
		return;
	if (fd < 0) {
		tarx_warning(place->report,
			     "%s: open the directory again for its mode and times: %s", item.path,
			     strerror(-fd));
		return;
	}
	place->parent.acls = later->clear_acls;
	tarx_place_apply(place, &item, fd, false, later->parts);
}

void tarx_place_finish(struct tarx_place *place)
{
	if (place->later_count > 0)
		qsort(place->later, place->later_count, sizeof(*place->later), by_depth);
	for (size_t i = 0; i < place->later_count; i++)
		finish_directory(place, &place->later[i]);
}

void tarx_place_release_later(struct tarx_place *place)
{
	for (size_t i = 0; i < place->later_count; i++)
		release_later(&place->later[i]);
	free(place->later);
	place->later = NULL;
	place->later_count = 0;
}
