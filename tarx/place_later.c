/* What must wait until all members are there: the attributes of directories, and flags of files that
 * forbid to link or to replace them. */
#include "tarx/place_parts.h"

#include "align/cleanup.h"
#include "align/hash.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct tarx_later {
	char *path; /* owned; beneath the target */
	struct align_handle handle; /* owned */
	dev_t dev;
	ino_t ino;
	size_t order, depth;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	char *uname, *gname, *acl_access, *acl_default, *fflags; /* owned, or NULL */
	struct tarx_xattr compression; /* owned; its name is NULL: none */
	struct timespec mtime;
	unsigned int parts; /* TARX_META_* */
	uint32_t projid;
	bool has_projid;
	bool no_owner;
	bool clear_acls;
	bool protect; /* a subvolume that is read-only in the end */
};

static void release_later(struct tarx_later *later)
{
	align_handle_release(&later->handle);
	free(later->path);
	free(later->uname);
	free(later->gname);
	free(later->acl_access);
	free(later->acl_default);
	free(later->fflags);
	free((char *)(uintptr_t)later->compression.name);
	free((void *)(uintptr_t)later->compression.value);
}

void tarx_place_release_later(struct tarx_place *place)
{
	for (size_t i = 0; i < place->later_count; i++)
		release_later(&place->later[i]);
	free(place->later);
	free(place->gone);
	place->later = NULL;
	place->gone = NULL;
	place->later_count = place->gone_count = 0;
}

/* ------------------------------------------------------------------ remembering */

static char *keep_text(const char *text, bool *lost)
{
	char *copy = text ? strdup(text) : NULL;

	*lost |= text && !copy;
	return copy;
}

static struct tarx_xattr keep_xattr(const struct tarx_xattr *x, bool *lost)
{
	struct tarx_xattr copy = { 0 };
	void *value;

	if (!x)
		return copy;
	copy.name = keep_text(x->name, lost);
	value = malloc(x->len + 1);
	*lost |= !value;
	if (value && x->len > 0)
		memcpy(value, x->value, x->len);
	copy.value = value;
	copy.len = x->len;
	return copy;
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

/* What files and directories have in common. NULL: out of memory. */
static struct tarx_later *remember(struct tarx_place *place, const struct tarx_item *item,
				   const char *path, const struct stat *st, struct tx_err *err)
{
	struct tarx_later *later = add_later(place);
	bool lost = false;

	if (!later) {
		tx_fail(err, ENOMEM, "remember it for the end");
		return NULL;
	}
	*later = (struct tarx_later){
		.path = keep_text(path, &lost),
		.fflags = keep_text(item->fflags, &lost),
		.order = place->later_count,
		.depth = depth_of(path),
		.mode = item->mode,
		.dev = st->st_dev,
		.ino = st->st_ino,
	};
	if (!lost)
		return later;
	tx_fail(err, ENOMEM, "remember it for the end");
	return NULL;
}

int tarx_place_remember_directory(struct tarx_place *place, const struct tarx_item *item,
				  const char *path, int fd, const struct stat *st,
				  unsigned int parts, bool protect, struct tx_err *err)
{
	struct tarx_later *later = remember(place, item, path, st, err);
	bool lost = false;

	if (!later)
		return -err->code;
	later->uname = keep_text(item->uname, &lost);
	later->gname = keep_text(item->gname, &lost);
	later->acl_access = keep_text(item->acl_access, &lost);
	later->acl_default = keep_text(item->acl_default, &lost);
	later->compression = keep_xattr(tarx_meta_compression(item), &lost);
	if (lost)
		return tx_fail(err, ENOMEM, "remember it for the end");
	later->uid = item->uid;
	later->gid = item->gid;
	later->no_owner = item->no_owner;
	later->mtime = item->mtime;
	later->has_projid = item->has_projid;
	later->projid = item->projid;
	later->clear_acls = place->parent.acls;
	later->parts = parts;
	later->protect = protect;
	/* Where there are no handles the path is taken, and must lead to the same inode. */
	if (place->privileged)
		align_handle_take(&place->parent.volume, &later->handle, fd);
	return 0;
}

int tarx_place_remember_file(struct tarx_place *place, const struct tarx_item *item,
			     const char *path, int fd, struct tx_err *err)
{
	struct tarx_later *later;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "look at it");
	later = remember(place, item, path, &st, err);
	if (!later)
		return -err->code;
	later->parts = TARX_META_LAST;
	/* Its path may soon be another's, and a new inode have its number. */
	align_handle_take_general(&place->parent.volume, &later->handle, fd, place->root);
	return 0;
}

/* ------------------------------------------------------------------ what was removed meanwhile */

/* The path and all below it, or only what was below it. */
enum what { WITH_PATH, BELOW };

struct tarx_gone {
	uint64_t hash; /* of the path, and what went */
	size_t count; /* of what had been remembered until then */
};

int tarx_place_forget_later(struct tarx_place *place, const char *path, bool below)
{
	if (place->gone_count == place->gone_room) {
		size_t room = place->gone_room ? place->gone_room * 2 : 64;
		struct tarx_gone *gone = realloc(place->gone, room * sizeof(*gone));

		if (!gone)
			return -ENOMEM;
		place->gone = gone;
		place->gone_room = room;
	}
	place->gone[place->gone_count++] = (struct tarx_gone){
		.hash = align_hash(below ? BELOW : WITH_PATH, path, strlen(path)),
		.count = place->later_count,
	};
	return 0;
}

/* Of what went several times the last time comes first. */
static int by_hash(const void *a, const void *b)
{
	const struct tarx_gone *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->count == y->count ? 0 : x->count > y->count ? -1 : 1;
}

/* Whether LATER was known already when WHAT of the first LEN bytes of its path was removed. */
static bool went_with(const struct tarx_place *place, const struct tarx_later *later, size_t len,
		      enum what what)
{
	uint64_t h = align_hash(what, later->path, len);
	size_t low = 0, high = place->gone_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (place->gone[middle].hash < h)
			low = middle + 1;
		else
			high = middle;
	}
	return low < place->gone_count && place->gone[low].hash == h &&
	       later->order <= place->gone[low].count;
}

static bool is_gone(const struct tarx_place *place, const struct tarx_later *later)
{
	size_t len = strlen(later->path);

	/* A file may have other names; its handle tells, where there is one. */
	if (place->gone_count == 0 || (!S_ISDIR(later->mode) && later->handle.bytes))
		return false;
	if (went_with(place, later, len, WITH_PATH))
		return true;
	while (len > 0) {
		do
			len--;
		while (len > 0 && later->path[len] != '/');
		if (went_with(place, later, len, WITH_PATH) || went_with(place, later, len, BELOW))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ at the end */

/* The deepest first, so that closing a directory to us never stands in the way; what came twice in
 * its order, so that the last one counts. */
static int by_depth(const void *a, const void *b)
{
	const struct tarx_later *x = a, *y = b;

	if (x->depth != y->depth)
		return x->depth > y->depth ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static bool is_same(int fd, const struct tarx_later *later, struct stat *st)
{
	return fstat(fd, st) == 0 && st->st_dev == later->dev && st->st_ino == later->ino;
}

/* Others may have put a device in its place, which must not be set going. */
static int open_file_by_path(const struct tarx_place *place, const struct tarx_later *later)
{
	TX_FD at = tarx_place_find(place, later->path, O_PATH | O_NOFOLLOW);
	char self[TX_PROC_ROOM];
	struct stat st;
	int fd;

	if (at < 0)
		return at;
	if (!is_same(at, later, &st))
		return -ESTALE;
	tx_proc_path(self, at);
	fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_by_path(const struct tarx_place *place, const struct tarx_later *later)
{
	if (!S_ISDIR(later->mode))
		return open_file_by_path(place, later);
	return tarx_place_find(place, *later->path ? later->path : ".",
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/* *ST becomes what it has now. */
static int open_again(const struct tarx_place *place, const struct tarx_later *later,
		      struct stat *st)
{
	TX_FD fd = align_handle_open(&later->handle, place->root,
				     S_ISDIR(later->mode) ? O_RDONLY | O_DIRECTORY : O_RDONLY);

	/* Gone for good; other failures of a handle (it needs privilege) leave the path. */
	if (fd == -ESTALE)
		return fd;
	if (fd < 0)
		fd = open_by_path(place, later);
	if (fd >= 0 && !is_same(fd, later, st))
		return -ESTALE;
	return tx_fd_steal(&fd);
}

static void finish_subvolume(struct tarx_place *place, const struct tarx_later *later, int fd)
{
	struct tx_err err;

	if (later->protect && align_subvolume_protect(fd, &err) < 0)
		tarx_warning(place->report, "%s: make the subvolume read-only: %s", later->path,
			     err.text);
}

static void finish(struct tarx_place *place, const struct tarx_later *later)
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
		.xattrs = &later->compression,
		.xattr_count = later->compression.name != NULL,
		.fflags = later->fflags,
		.has_projid = later->has_projid,
		.projid = later->projid,
	};
	struct stat st;
	TX_FD fd = open_again(place, later, &st);

	/* A later member may have taken its place, and is right to. */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV || fd == -ESTALE)
		return;
	if (fd < 0) {
		tarx_warning(place->report, "%s: open it again for its attributes: %s", item.path,
			     strerror(-fd));
		return;
	}
	place->parent.acls = later->clear_acls;
	tarx_place_apply(place, &item, &(struct tarx_meta_target){ .fd = fd, .now = &st },
			 later->parts);
	finish_subvolume(place, later, fd);
}

void tarx_place_finish(struct tarx_place *place)
{
	if (place->later_count > 0)
		qsort(place->later, place->later_count, sizeof(*place->later), by_depth);
	if (place->gone_count > 0)
		qsort(place->gone, place->gone_count, sizeof(*place->gone), by_hash);
	for (size_t i = 0; i < place->later_count; i++)
		if (!is_gone(place, &place->later[i]))
			finish(place, &place->later[i]);
}
