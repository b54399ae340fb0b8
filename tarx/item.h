/* The one thing that flows through everything: a member, from a disk or from an archive. */
#ifndef TARX_ITEM_H
#define TARX_ITEM_H

#include "align/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

struct tarx_xattr {
	const char *name; /* with its namespace: "user.mime_type" */
	const void *value;
	size_t len;
};

/* A piece of a file's data, holes on both sides. */
struct tarx_segment {
	off_t off; /* in the file, bytes */
	off_t len; /* bytes, never 0 */
	off_t at; /* where they lie: byte of data.fd; in a stream, of the stored payload */
};

/* Every pointer is borrowed from whoever filled the item, until that one fills the next. */
struct tarx_item {
	const char *path; /* bytes, as in the archive; no character set is assumed */
	const char *shown; /* the name that lists show in the place of path; or NULL */
	const char *link; /* what a symbolic or hard link names; else NULL */
	bool hardlink;
	bool whiteout; /* a removal, written as the character device 0:0 */
	char type; /* of the archive's header; NUL: an old one, or the item is of a disk */
	mode_t mode; /* with the type; of a hard link only what the archive says */
	uid_t uid;
	gid_t gid;
	bool no_owner; /* the archive's numbers are none that this system has */
	const char *uname, *gname; /* NULL: no name */
	struct timespec mtime;
	dev_t rdev;
	off_t size; /* bytes of payload */
	const char *acl_access; /* "user::rw-,user:joe:r--:1000,..." or NULL */
	const char *acl_default;
	const struct tarx_xattr *xattrs;
	size_t xattr_count;
	struct align_span
		data; /* the payload as it is stored; fd -1: none, or it comes as a stream, or
		       * all of it is known */
	const struct tarx_segment *segments; /* where it has holes, in order; NULL: in one piece */
	size_t segment_count; /* 0 with segments: nothing but a hole */
	const char *fflags; /* file flags as words, "nodump,nocow", or NULL; see fflags.h */
	uint32_t projid; /* where has_projid */
	bool has_projid;
	const char *subvolume; /* of a btrfs subvolume "rw" or "ro", or NULL */
	const char *extra; /* whole pax records of its own that mean nothing to tarx, or NULL */
	size_t extra_len;
	const char *warning; /* the reader's doubt about this member, or NULL */
	const char
		*broken; /* why it must not be restored: the archive contradicts itself; or NULL */
};

/* The words of --stats. */
enum tarx_kind {
	TARX_FILE,
	TARX_DIRECTORY,
	TARX_SYMLINK,
	TARX_HARDLINK,
	TARX_DEVICE,
	TARX_FIFO,
	TARX_WHITEOUT,
	TARX_KINDS,
};

/* Whether its payload is at hand. */
static inline bool tarx_item_has_data(const struct tarx_item *item)
{
	return item->data.fd >= 0 || item->data.known;
}

static inline bool tarx_is_whiteout(mode_t mode, dev_t rdev)
{
	return S_ISCHR(mode) && rdev == 0;
}

static inline enum tarx_kind tarx_item_kind(const struct tarx_item *item)
{
	if (item->hardlink)
		return TARX_HARDLINK;
	if (item->whiteout)
		return TARX_WHITEOUT;
	switch (item->mode & S_IFMT) {
	case S_IFDIR:
		return TARX_DIRECTORY;
	case S_IFLNK:
		return TARX_SYMLINK;
	case S_IFCHR:
	case S_IFBLK:
		return TARX_DEVICE;
	case S_IFIFO:
		return TARX_FIFO;
	default:
		return TARX_FILE;
	}
}

#endif
