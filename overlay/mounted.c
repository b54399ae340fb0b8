/* The stack of a mount: its layers, opened and proved. */
#include "overlay/stack_parts.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/fuse.h"
#include "overlay/handle.h"
#include "overlay/mountinfo.h"
#include "overlay/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A mount whose layers are looked for. */
struct quest {
	struct overlay_stack *s; /* borrowed */
	const struct overlay_mounts *m; /* borrowed; the mounts among which it is */
	const struct overlay_mount *mount; /* borrowed */
	int whole; /* owned: the root of the whole overlay, -1: not in sight */
	int base; /* owned: where relative paths begin, -1: not known */
	const char *path; /* borrowed: of the layer that is looked for, relative */
	int found; /* owned: that */
	struct overlay_storage storage; /* owned; what has the upper as a layer; empty: unknown */
	bool asked; /* whether it is such a layer was found out */
	bool theirs; /* absolute paths are those of the namespace that the mount is in, not ours */
};

static int open_root(struct quest *q, struct tx_err *err)
{
	struct overlay_stack *s = q->s;
	struct stat st;
	uint64_t id;
	int r;

	s->root = overlay_mounts_open(q->m, s->point);
	if (s->root < 0)
		return tx_fail(err, -s->root, "open the overlay's mount point %s", s->point);
	r = overlay_mount_id(s->root, &id);
	if (r < 0 || fstat(s->root, &st) < 0)
		return tx_fail(err, r < 0 ? -r : errno, "stat %s", s->point);
	if (id != s->mount_id)
		return tx_reject(err, ESTALE, "covered by another mount: %s", s->point);
	s->dev = st.st_dev;
	return 0;
}

static bool is_of_same_overlay(const struct overlay_mount *a, const struct overlay_mount *b)
{
	return a->major == b->major && a->minor == b->minor;
}

static int look_for_whole(struct overlay_mounts *m, void *arg)
{
	struct quest *q = arg;

	for (size_t i = 0; i < m->count && q->whole < 0; i++) {
		const struct overlay_mount *other = &m->list[i];
		TX_FD fd = -1;
		struct stat st;

		if (*other->prefix || !is_of_same_overlay(other, q->mount))
			continue;
		fd = overlay_mounts_open(m, other->point);
		if (fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == q->s->dev)
			q->whole = tx_fd_steal(&fd);
	}
	return q->whole >= 0;
}

/* Of S itself, or of another mount of the same overlay, in whatever namespace. */
static void open_whole(struct quest *q)
{
	if (*q->s->prefix)
		overlay_mounts_each(look_for_whole, q);
	else
		q->whole = fcntl(q->s->root, F_DUPFD_CLOEXEC, 0);
}

/* ------------------------------------------------------------------ proofs */

/* A merged directory shows the attributes of the topmost layer's. */
static bool same_attributes(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* fuse-overlayfs hands on the number of the inode, and its kernel's side keeps the times that it
 * heard first. */
static bool proved_to_fuse(const struct stat *seen, const struct stat *real)
{
	return seen->st_ino == real->st_ino && seen->st_mode == real->st_mode &&
	       seen->st_uid == real->st_uid && seen->st_gid == real->st_gid;
}

/* MERGED is the directory REL of the overlay, its root where REL is ""; so it should be of TOP. */
static bool proved_by_attributes(const struct quest *q, int merged, int top, const char *rel)
{
	TX_FD dir = tx_open_beneath_nofollow(top, *rel ? rel : ".", O_PATH | O_DIRECTORY, 0);
	struct stat seen, real;

	if (dir < 0 || fstat(merged, &seen) < 0 || fstat(dir, &real) < 0)
		return false;
	return q->s->fuse ? proved_to_fuse(&seen, &real) : same_attributes(&seen, &real);
}

/* Whether TOP is the directory that the overlay has as its topmost layer. */
static bool proved(const struct quest *q, int top)
{
	enum overlay_handle said;
	uint64_t id;

	if (q->whole < 0)
		return proved_by_attributes(q, q->s->root, top, q->s->prefix);
	if (overlay_mount_id(q->whole, &id) < 0)
		return false;
	said = overlay_handle_compare(q->whole, id, top, q->s->has_upper);
	if (said != OVERLAY_HANDLE_UNKNOWN)
		return said == OVERLAY_HANDLE_SAME;
	return proved_by_attributes(q, q->whole, top, "");
}

/* ------------------------------------------------------------------ the folder of relative paths */

static int open_directory(int base, const char *path)
{
	int fd = openat(base, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Whether the layer is found from BASE, which is then taken over. */
static bool try_base(struct quest *q, int *base)
{
	TX_FD fd = open_directory(*base, q->path);

	if (fd < 0 || !proved(q, fd))
		return false;
	q->found = tx_fd_steal(&fd);
	q->base = tx_fd_steal(base);
	return true;
}

/* Whether LAYER is a layer's directory of container storage, and its files the layer that is looked
 * for. The storage then tells the layers below. */
static bool try_storage(struct quest *q, int layer)
{
	struct overlay_storage storage;
	struct tx_err ignored;
	bool good = overlay_storage_open(&storage, layer, &ignored) > 0 && proved(q, storage.diff);

	if (good) {
		q->found = fcntl(storage.diff, F_DUPFD_CLOEXEC, 0);
		q->storage = storage;
		return q->found >= 0;
	}
	overlay_storage_release(&storage);
	return false;
}

/* Tries the folders above a mount point, the innermost first. */
static bool try_above(struct quest *q, const struct overlay_mounts *m, const char *point)
{
	TX_FREE char *above = strdup(point);

	if (!above)
		return false;
	for (char *slash = strrchr(above, '/'); slash; slash = strrchr(above, '/')) {
		TX_FD base = -1;

		*slash = '\0';
		base = overlay_mounts_open(m, *above ? above : "/");
		if (base >= 0 && (try_base(q, &base) || try_storage(q, base)))
			return true;
	}
	return false;
}

static int look_for_base(struct overlay_mounts *m, void *arg)
{
	struct quest *q = arg;

	for (size_t i = 0; i < m->count; i++)
		if (is_of_same_overlay(&m->list[i], q->mount) && try_above(q, m, m->list[i].point))
			return 1;
	return 0;
}

/* Finds the topmost layer and the folder that relative paths are from, by any mount of the same
 * overlay in any namespace. */
static int find_base(struct quest *q, const char *path)
{
	int r;

	q->path = path;
	r = overlay_mounts_each(look_for_base, q);
	if (r < 0)
		return r;
	return r > 0 ? tx_fd_steal(&q->found) : -EINVAL;
}

/* ------------------------------------------------------------------ layers */

/* An absolute path is one of whoever mounted, or of ours: the topmost layer told which. */
static int open_absolute(const struct quest *q, const char *path)
{
	int fd = q->theirs ? overlay_mounts_open(q->m, path) : open_directory(AT_FDCWD, path);

	if (fd < 0 && q->theirs)
		return open_directory(AT_FDCWD, path);
	return fd < 0 && !q->m->own ? overlay_mounts_open(q->m, path) : fd;
}

/* Whether the upper is a layer of container storage. */
static void ask_storage(struct quest *q)
{
	TX_FD layer = -1;

	if (q->asked || !q->s->has_upper || q->storage.home >= 0)
		return;
	q->asked = true;
	layer = open_directory(q->s->layers[0].fd, "..");
	if (layer >= 0 && try_storage(q, layer))
		tx_fd_release(&q->found);
}

static int open_told(const struct quest *q, const char *path)
{
	if (*path == '/')
		return open_absolute(q, path);
	return q->base < 0 ? -EINVAL : open_directory(q->base, path);
}

/* Container storage may have mounted a layer under another name, or from /proc/self/fd, which is a
 * path no more; where it has as many layers as the mount, AT is the same in both. */
static int open_lower(struct quest *q, const char *path, size_t at, size_t count)
{
	int fd = open_told(q, path);

	if (fd >= 0)
		return fd;
	ask_storage(q);
	return q->storage.count == count ? overlay_storage_lower(&q->storage, at) : fd;
}

/* Takes OPENED, which may be -errno, for the topmost layer if it is that. The descriptor or -errno. */
static int take_top(const struct quest *q, int opened)
{
	TX_FD fd = opened;

	if (fd < 0)
		return fd;
	return proved(q, fd) ? tx_fd_steal(&fd) : -ESTALE;
}

/* Opens PATH as the topmost layer. The descriptor, ESTALE when another directory lies there,
 * -errno. */
static int open_top(struct quest *q, const char *path)
{
	int ours, theirs;

	if (*path != '/')
		return find_base(q, path);
	ours = take_top(q, open_directory(AT_FDCWD, path));
	if (ours >= 0 || q->m->own)
		return ours;
	theirs = take_top(q, overlay_mounts_open(q->m, path));
	q->theirs = theirs >= 0;
	return theirs >= 0 ? theirs : ours;
}

static int try_upper(struct quest *q, const char *path)
{
	struct overlay_layer *layer = &q->s->layers[0];

	layer->fd = open_top(q, path);
	if (layer->fd < 0) {
		int r = layer->fd;

		layer->fd = -1;
		return r;
	}
	layer->path = strdup(path);
	return layer->path ? 0 : -ENOMEM;
}

static int refuse_upper(int code, const char *path, struct tx_err *err)
{
	if (code == -EINVAL)
		return tx_reject(err, EINVAL,
				 "upperdir= is relative, and not to a folder above the mount: %s",
				 path);
	if (code == -ESTALE)
		return tx_reject(err, ESTALE,
				 "not the mount's upper layer (renamed, or covered): %s", path);
	return tx_fail(err, -code, "open the upper layer %s", path);
}

/* SHOWN is with overlayfs' escapes or without, see mountinfo.h; the proof decides. */
static int open_upper(struct quest *q, const char *shown, struct tx_err *err)
{
	TX_FREE char *plain = strdup(shown);
	int r, as_shown;

	if (!plain)
		return tx_fail(err, ENOMEM, "open the upper layer");
	overlay_unescape(plain);
	r = try_upper(q, plain);
	if (r == 0)
		return 0;
	as_shown = strcmp(plain, shown) != 0 ? try_upper(q, shown) : r;
	if (as_shown == 0)
		return 0;
	return refuse_upper(as_shown == -ESTALE ? as_shown : r, plain, err);
}

/* The descriptors of lower layers; paths are taken over from O. The topmost layer of an overlay
 * without an upper is proved. */
static void open_lowers(struct quest *q, struct overlay_options *o)
{
	struct overlay_layer *layer = q->s->layers + q->s->has_upper;

	for (size_t i = 0; i < o->count; i++, layer++) {
		bool top = i == 0 && !q->s->has_upper;
		int fd = top ? open_top(q, o->lowers[i].path)
			     : open_lower(q, o->lowers[i].path, i, o->count);

		layer->fd = fd < 0 ? -1 : fd;
		layer->path = tx_ptr_steal(&o->lowers[i].path);
		layer->data_only = o->lowers[i].data_only;
	}
}

/* A default of the kernel module: options that agree with it are not shown in mountinfo. When it
 * cannot be read, it counts as on. */
static bool index_is_default(void)
{
	TX_FD fd = open("/sys/module/overlay/parameters/index", O_RDONLY | O_CLOEXEC);
	char value;

	return fd < 0 || tx_read_at(fd, &value, 1, 0) != 1 || value != 'N';
}

static int open_layers(struct quest *q, struct overlay_options *o, struct tx_err *err)
{
	struct overlay_stack *s = q->s;
	int r = 0;

	s->has_upper = o->upper;
	s->lowers_known = true;
	/* Of its marks in trusted.* fuse-overlayfs has others beside them that everyone sees. */
	s->userxattr = o->userxattr || (s->fuse && !overlay_sees_trusted());
	s->marks_hidden = !s->userxattr && !overlay_sees_trusted();
	s->indexed = o->index == OVERLAY_INDEX_DEFAULT ? !s->fuse && index_is_default()
						       : o->index == OVERLAY_INDEX_ON;
	s->layers = calloc(o->count + s->has_upper, sizeof(*s->layers));
	if (!s->layers)
		return tx_fail(err, ENOMEM, "open %zu layers", o->count);
	s->count = o->count + s->has_upper;
	for (size_t i = 0; i < s->count; i++)
		s->layers[i].fd = -1;
	if (s->has_upper)
		r = open_upper(q, o->upper, err);
	if (r == 0)
		open_lowers(q, o);
	return r;
}

/* ------------------------------------------------------------------ a mount */

static int fill(struct quest *q, struct tx_err *err)
{
	struct overlay_options o;
	int r;

	r = q->mount->fuse ? overlay_fuse_options(&o, q->mount)
			   : overlay_options_parse(&o, q->mount->options);
	if (r < 0)
		r = tx_fail(err, -r, "options of the overlay at %s", q->s->point);
	if (r == 0)
		r = open_root(q, err);
	if (r == 0) {
		open_whole(q);
		r = open_layers(q, &o, err);
	}
	if (r == 0)
		overlay_stack_look_at_devices(q->s);
	overlay_options_release(&o);
	return r;
}

int overlay_stack_of_mount(struct overlay_stack *s, const struct overlay_mounts *m,
			   const struct overlay_mount *mount, struct tx_err *err)
{
	struct quest q = {
		.s = s,
		.m = m,
		.mount = mount,
		.whole = -1,
		.base = -1,
		.found = -1,
		.storage = { .home = -1, .diff = -1 },
	};
	int r;

	s->mount_id = mount->id;
	s->fuse = mount->fuse;
	s->prefix = strdup(mount->prefix);
	s->point = strdup(mount->point);
	r = s->prefix && s->point ? fill(&q, err) : tx_fail(err, ENOMEM, "find the layers");
	tx_fd_release(&q.whole);
	tx_fd_release(&q.base);
	tx_fd_release(&q.found);
	overlay_storage_release(&q.storage);
	return r;
}
