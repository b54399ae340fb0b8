#include "overlay/source.h"

#include "align/cleanup.h"
#include "overlay/handle.h"
#include "overlay/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Overlayfs does not see what is mounted within a layer, so that is not looked at either (EXDEV). A
 * path longer than one system call takes is an error like others: not found. */
static int open_in_layer(int layer, const char *rel)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, layer, rel, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The merged file takes all of these from the real one. */
static bool same_attributes(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_size == b->st_size && a->st_uid == b->st_uid &&
	       a->st_gid == b->st_gid && same_time(&a->st_mtim, &b->st_mtim) &&
	       same_time(&a->st_ctim, &b->st_ctim);
}

/* REL from the root of the mount, which may be a directory within the overlay. */
static const char *within_mount(const struct overlay_stack *s, const char *rel)
{
	size_t len = strlen(s->prefix);

	if (len == 0)
		return rel;
	return !strncmp(rel, s->prefix, len) && rel[len] == '/' ? rel + len + 1 : NULL;
}

/* Whether FD, of a lower layer, is the file that the merged inode names: it names the lower file it
 * shows or was copied up from. Attributes alone would not do: files made within one tick of the
 * clock share them, and a renamed directory leads REL to a stranger.
 *
 * Where everything lies on one file system, overlayfs passes inode numbers through; were a layer
 * on another one after all, the merged st_dev or the upper bits of the number would differ. On
 * btrfs a number occurs once in every subvolume, so only XFS is trusted in this. */
static bool is_named(const struct overlay_stack *s, const char *rel, const struct stat *merged,
		     int fd, const struct stat *st)
{
	const char *rest = within_mount(s, rel);
	TX_FD seen = -1;

	if (s->one_xfs)
		return merged->st_dev == s->dev && st->st_dev == s->layer_dev &&
		       merged->st_ino == st->st_ino;
	seen = rest ? open_in_layer(s->root, rest) : -1;
	return seen >= 0 &&
	       overlay_handle_compare(seen, s->mount_id, fd, false) == OVERLAY_HANDLE_SAME;
}

/* A file of several names in a lower layer may have been copied up under another of them, and with
 * an index this name shows the copy without there being an entry in the upper layer. */
static bool may_be_copied_up(const struct overlay_stack *s, const struct stat *st)
{
	return s->has_upper && s->indexed && st->st_nlink > 1;
}

/* FD is the first that has REL from the top. In the upper layer a path is what it is, renames
 * included, so that there the attributes only guard against changes behind the mount's back. */
static bool is_source(const struct overlay_stack *s, const char *rel, const struct stat *merged,
		      int fd, bool upper)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !same_attributes(&st, merged))
		return false;
	if (!upper && (may_be_copied_up(s, &st) || !is_named(s, rel, merged, fd, &st)))
		return false;
	return st.st_size == 0 || overlay_marks_metacopy(fd, s->userxattr) == 0;
}

/* The first of the layers that has REL; anything but ENOENT on the way ends the search, since what
 * is below may not be what is seen. */
static int open_first(const struct overlay_stack *s, const char *rel, size_t *layer)
{
	int fd = -ENOENT;

	for (*layer = 0; *layer < s->count && !s->layers[*layer].data_only; ++*layer) {
		fd = open_in_layer(s->layers[*layer].fd, rel);
		if (fd != -ENOENT)
			break;
	}
	return fd;
}

int overlay_source_open(const struct overlay_stack *s, const char *rel, const struct stat *merged)
{
	TX_FD fd = -1;
	size_t layer;

	if (!S_ISREG(merged->st_mode) || s->marks_hidden)
		return -ENOENT;
	fd = open_first(s, rel, &layer);
	if (fd < 0 || !is_source(s, rel, merged, fd, s->has_upper && layer == 0))
		return -ENOENT;
	return tx_fd_steal(&fd);
}
