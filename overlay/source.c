#include "overlay/source.h"

#include "align/cleanup.h"
#include "align/extent.h"
#include "overlay/handle.h"
#include "overlay/merged.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>

/* A merged directory on the way. */
struct overlay_level {
	char *name; /* owned; NULL for the root */
	struct overlay_dir dir; /* owned */
	bool dropped; /* its descriptors were given up: to be looked up anew */
};

/* The overlay that a layer itself lies on. */
struct overlay_below {
	bool looked, found;
	struct overlay_stack stack; /* owned */
	struct overlay_finder finder; /* owned */
};

/* ------------------------------------------------------------------ proofs */

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The merged file takes all of these from the real one. */
static bool same_attributes(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_size == b->st_size &&
	       same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim);
}

/* A lower layer may be one whose owners were mapped when it was mounted. */
static bool same_owner(const struct stat *a, const struct stat *b)
{
	return a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

/* fuse-overlayfs hands on the number of a file of a lower layer; one that was copied up keeps it. */
static bool is_numbered_by_fuse(const struct overlay_stack *s, const struct statx *seen,
				const struct stat *st)
{
	return s->one_device && st->st_dev == s->layer_dev && seen->stx_ino == st->st_ino &&
	       seen->stx_ctime.tv_sec == st->st_ctim.tv_sec &&
	       seen->stx_ctime.tv_nsec == (uint32_t)st->st_ctim.tv_nsec;
}

/* What was written and lies with the kernel yet goes to fuse-overlayfs first, and so into the upper
 * layer. Then all is asked for anew; of such a file the kernel keeps a ctime of its own. */
static bool is_shown_by_fuse(const struct overlay_stack *s, int merged, bool upper,
			     const struct stat *st)
{
	const unsigned int all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				 SYNC_FILE_RANGE_WAIT_AFTER;
	struct statx seen;

	if (upper && sync_file_range(merged, 0, 0, all) < 0)
		return false;
	if (statx(merged, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &seen) < 0)
		return false;
	if (!upper && !is_numbered_by_fuse(s, &seen, st))
		return false;
	return seen.stx_mode == st->st_mode && seen.stx_size == (uint64_t)st->st_size &&
	       seen.stx_uid == st->st_uid && seen.stx_gid == st->st_gid &&
	       seen.stx_mtime.tv_sec == st->st_mtim.tv_sec &&
	       seen.stx_mtime.tv_nsec == (uint32_t)st->st_mtim.tv_nsec;
}

/* Whether FD, of a lower layer, is the file that the merged inode names: it names the lower file it
 * shows or was copied up from. Attributes alone would not do: files made within one tick of the
 * clock share them.
 *
 * Where everything lies on one file system, overlayfs passes inode numbers through; were a layer
 * on another one after all, the merged st_dev or the upper bits of the number would differ. On
 * btrfs a number occurs once in every subvolume, so only XFS is trusted in this. */
static bool is_named(const struct overlay_stack *s, int merged, const struct stat *seen, int fd,
		     const struct stat *st)
{
	enum overlay_handle said;

	if (s->one_xfs)
		return seen->st_dev == s->dev && st->st_dev == s->layer_dev &&
		       seen->st_ino == st->st_ino;
	said = overlay_handle_compare(merged, s->mount_id, fd, false);
	if (said != OVERLAY_HANDLE_UNKNOWN)
		return said == OVERLAY_HANDLE_SAME;
	return align_extent_same(merged, fd, st->st_size, false) == 1;
}

/* A file of several names in a lower layer may have been copied up under another of them, and with
 * an index this name shows the copy without there being an entry in the upper layer. */
static bool may_be_copied_up(const struct overlay_stack *s, const struct stat *st)
{
	return s->has_upper && s->indexed && st->st_nlink > 1;
}

/* Whether FILE has the bytes of MERGED, whose stat is SEEN. */
static bool is_source(const struct overlay_stack *s, const struct overlay_file *file, int merged,
		      const struct stat *seen)
{
	struct stat st;
	bool upper;

	if (fstat(file->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != seen->st_size)
		return false;
	if (file->metacopy)
		return align_extent_same(merged, file->fd, st.st_size, true) == 1;
	upper = s->has_upper && file->layer == 0;
	if (s->fuse)
		return is_shown_by_fuse(s, merged, upper, &st);
	if (!same_attributes(&st, seen))
		return false;
	/* In the upper layer a path is what it is, renames included, so that there the attributes
	 * only guard against changes behind the mount's back. */
	if (upper && !s->marks_hidden)
		return same_owner(&st, seen);
	if (s->marks_hidden || may_be_copied_up(s, &st))
		return align_extent_same(merged, file->fd, st.st_size, false) == 1;
	return is_named(s, merged, seen, file->fd, &st);
}

/* ------------------------------------------------------------------ the way to a directory */

static void drop(struct overlay_finder *f, struct overlay_level *level)
{
	if (!level->dir.borrowed)
		f->open -= level->dir.count;
	overlay_dir_release(&level->dir);
	level->dropped = true;
}

static void cut_levels(struct overlay_finder *f, size_t count)
{
	while (f->count > count) {
		struct overlay_level *level = &f->levels[--f->count];

		drop(f, level);
		free(level->name);
	}
}

/* Gives up what is farthest from where the search is; the root holds nothing of its own. */
static void keep_within_limit(struct overlay_finder *f)
{
	for (size_t i = 1; f->open > f->open_max && i + 1 < f->count; i++)
		if (!f->levels[i].dropped)
			drop(f, &f->levels[i]);
}

/* Takes NAME over. */
static int add_level(struct overlay_finder *f, char **name)
{
	struct overlay_level *more, level = { 0 };
	int r;

	if (f->count == f->room) {
		size_t room = f->room ? f->room * 2 : 16;

		more = realloc(f->levels, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		f->levels = more;
		f->room = room;
	}
	r = f->count == 0
		    ? overlay_dir_root(f->stack, &level.dir)
		    : overlay_dir_enter(f->stack, &f->levels[f->count - 1].dir, *name, &level.dir);
	if (r < 0) {
		overlay_dir_release(&level.dir);
		return r;
	}
	level.name = tx_ptr_steal(name);
	if (!level.dir.borrowed)
		f->open += level.dir.count;
	f->levels[f->count++] = level;
	keep_within_limit(f);
	return 0;
}

/* How many levels beneath the root are those of the path REL already; *REL becomes the rest. */
static size_t match(const struct overlay_finder *f, const char **rel, const char *end)
{
	size_t level = 1;

	while (level < f->count && *rel < end) {
		const char *name = f->levels[level].name;
		size_t len = strlen(name);

		if ((size_t)(end - *rel) < len || strncmp(*rel, name, len) != 0 ||
		    (*rel + len < end && (*rel)[len] != '/'))
			break;
		*rel += len + (*rel + len < end);
		level++;
	}
	return level;
}

/* Makes the last level the directory that lies at REL up to END. */
static int go_to(struct overlay_finder *f, const char *rel, const char *end)
{
	TX_FREE char *none = NULL;
	const char *rest = rel;
	int r = f->count == 0 ? add_level(f, &none) : 0;

	if (r < 0)
		return r;
	cut_levels(f, match(f, &rest, end));
	if (f->levels[f->count - 1].dropped) {
		cut_levels(f, 1);
		rest = rel;
	}
	while (r == 0 && rest < end) {
		const char *slash = memchr(rest, '/', (size_t)(end - rest));
		TX_FREE char *name = strndup(rest, (size_t)((slash ? slash : end) - rest));

		r = name ? add_level(f, &name) : -ENOMEM;
		rest = slash ? slash + 1 : end;
	}
	return r;
}

/* ------------------------------------------------------------------ layers on an overlay */

static bool is_on_overlay(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == OVERLAYFS_SUPER_MAGIC || fs.f_type == FUSE_SUPER_MAGIC);
}

/* The overlay that the layer lies on, of which FD is a file; NULL: it is on none. */
static struct overlay_below *find_below(struct overlay_finder *f, size_t layer, int fd)
{
	struct overlay_below *below;
	struct tx_err err;

	if (!f->below)
		f->below = calloc(f->stack->count, sizeof(*f->below));
	if (!f->below)
		return NULL;
	below = &f->below[layer];
	if (!below->looked) {
		below->looked = true;
		below->found = is_on_overlay(fd) && overlay_stack_open(&below->stack, fd, &err) > 0;
		overlay_finder_init(&below->finder, &below->stack);
	}
	return below->found ? below : NULL;
}

/* Where FD lies on an overlay, which could not be cloned from, a file of its layers takes its
 * place. */
static int go_below(struct overlay_finder *f, size_t layer, int *fd)
{
	struct overlay_below *below = find_below(f, layer, *fd);
	TX_FREE char *rel = NULL;
	struct stat st;

	if (!below)
		return tx_fd_steal(fd);
	if (fstat(*fd, &st) < 0 || overlay_stack_path(&below->stack, *fd, &rel) < 0)
		return -ENOENT;
	return overlay_source_open(&below->finder, rel, *fd, &st);
}

/* ------------------------------------------------------------------ */

void overlay_finder_init(struct overlay_finder *finder, const struct overlay_stack *stack)
{
	struct rlimit limit;

	*finder = (struct overlay_finder){ .stack = stack, .open_max = 64 };
	/* The walk needs some, and there may be finders within finders. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 256)
		finder->open_max = limit.rlim_cur > 16384 ? 4096 : limit.rlim_cur / 4;
}

void overlay_finder_release(struct overlay_finder *finder)
{
	cut_levels(finder, 0);
	free(finder->levels);
	for (size_t i = 0; finder->below && i < finder->stack->count; i++) {
		struct overlay_below *below = &finder->below[i];

		if (!below->looked)
			continue;
		overlay_finder_release(&below->finder);
		if (below->found)
			overlay_stack_release(&below->stack);
	}
	free(finder->below);
	*finder = (struct overlay_finder){ 0 };
}

int overlay_source_open(struct overlay_finder *f, const char *rel, int merged,
			const struct stat *st)
{
	const char *slash = strrchr(rel, '/');
	struct overlay_file file = { .fd = -1 };
	TX_FD fd = -1;

	if (!S_ISREG(st->st_mode))
		return -ENOENT;
	if (go_to(f, rel, slash ? slash : rel) < 0)
		return -ENOENT;
	if (overlay_dir_file(f->stack, &f->levels[f->count - 1].dir, slash ? slash + 1 : rel,
			     &file) < 0)
		return -ENOENT;
	fd = file.fd;
	if (!is_source(f->stack, &file, merged, st))
		return -ENOENT;
	return go_below(f, file.layer, &fd);
}

int overlay_finder_stat(struct overlay_finder *f, const char *rel, struct stat *st)
{
	const char *slash = strrchr(rel, '/');
	const struct overlay_dir *dir;
	int r = go_to(f, rel, slash ? slash : rel);

	if (r < 0)
		return r;
	dir = &f->levels[f->count - 1].dir;
	for (size_t i = 0; i < dir->count; i++) {
		if (dir->places[i].fd < 0)
			return -ESTALE;
		if (fstatat(dir->places[i].fd, slash ? slash + 1 : rel, st, AT_SYMLINK_NOFOLLOW) ==
		    0)
			return 0;
		if (errno != ENOENT)
			return -errno;
	}
	return -ENOENT;
}
