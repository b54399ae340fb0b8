/* The marks that overlayfs leaves on the inodes of a layer. */
#ifndef OVERLAY_MARKS_H
#define OVERLAY_MARKS_H

#include "align/err.h"

#include <stdbool.h>
#include <sys/stat.h>

enum overlay_xattr {
	OVERLAY_XATTR_NONE, /* not one of overlayfs' own */
	OVERLAY_XATTR_OPAQUE,
	OVERLAY_XATTR_REDIRECT,
	OVERLAY_XATTR_METACOPY,
	OVERLAY_XATTR_WHITEOUT,
	OVERLAY_XATTR_BOUND, /* means something on one host and one mount only: origin, uuid ... */
	OVERLAY_XATTR_ESCAPED, /* overlay.overlay.*: belongs to an overlay stored in this one */
};

/* What an xattr called NAME, prefix included, says. The first four are about content; a name of
 * overlayfs that is not known counts as BOUND. */
enum overlay_xattr overlay_xattr_kind(const char *name);

/* Whether NAME is one of fuse-overlayfs' own attributes. */
bool overlay_xattr_is_fuse(const char *name);

/* What a name says in a layer of fuse-overlayfs. */
enum overlay_fuse_name {
	OVERLAY_FUSE_FILE, /* that there is a file of this name */
	OVERLAY_FUSE_REMOVED, /* that what follows OVERLAY_FUSE_PREFIX in it was removed */
	OVERLAY_FUSE_OPAQUE, /* that its directory is opaque, see overlay_marks_opaque() */
};

#define OVERLAY_FUSE_PREFIX ".wh."

enum overlay_fuse_name overlay_fuse_name(const char *name);

struct overlay_marks {
	bool whiteout; /* stands for a removed name */
	bool opaque; /* directory: hides the directories of its path in lower layers */
	bool redirect; /* what lies below is under another name there */
	bool metacopy; /* regular file: metadata only, the bytes are in a lower layer */
	bool xattr_whiteouts; /* directory: its empty regular files may be whiteouts */
};

/* Reads the marks of the inode FD, open for reading, whose stat is ST; of what is neither a directory
 * nor a regular file FD is not looked at. USERXATTR as in struct overlay_stack;
 * PARENT_XATTR_WHITEOUTS: what this function found for its directory, false for none.
 * A directory costs two system calls, a regular file one, everything else none. Returns 0, or
 * -errno when an xattr cannot be read. Marks in trusted.* are silently absent for a process that is
 * not allowed to see them; see marks_hidden in struct overlay_stack. */
int overlay_marks_read(struct overlay_marks *m, int fd, const struct stat *st, bool userxattr,
		       bool parent_xattr_whiteouts, struct tx_err *err);

/* Whether the open file FD is metadata only. 1, 0 or -errno. */
int overlay_marks_metacopy(int fd, bool userxattr);

/* Whether the file FD, which may be O_PATH, was copied up with an index that keeps its other names together with it. 1, 0
 * or -errno. */
int overlay_marks_indexed(int fd, bool userxattr);

/* What the open directory FD says of the directories below it: *OPAQUE, it hides those of its path in
 * lower layers. FUSE: it may be one of fuse-overlayfs', which has other spellings. 0 or -errno. */
int overlay_marks_opaque(int fd, bool userxattr, bool fuse, bool *opaque);

/* The path that the open directory or metadata-only file FD has in the layers below: one name, in the
 * same directory, or from the root, beginning with a slash; each part is a name. *PATH is the
 * caller's. 1, 0 (no redirect) or -errno (EINVAL: it makes no sense). */
int overlay_marks_redirect(int fd, bool userxattr, char **path);

/* Whether the directory FD, which may be O_PATH, bears a mark that overlayfs itself leaves on the root
 * of an upper layer or on a directory in it; *USERXATTR says which sort then. */
bool overlay_marks_any(int fd, bool *userxattr);

#endif
