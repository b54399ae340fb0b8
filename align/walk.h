/* A tree of files as a stream: a directory comes before what is in it, names in the order of their
 * bytes, symbolic links are not followed, unless it is told otherwise. */
#ifndef ALIGN_WALK_H
#define ALIGN_WALK_H

#include "align/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* An open directory, which may be needed when the walk has left it. */
struct align_dir {
	int fd; /* owned */
	atomic_uint holders;
};

/* One holder more; the last one to drop it closes it. Any thread may. */
struct align_dir *align_dir_hold(struct align_dir *dir);
void align_dir_drop(struct align_dir **dir);

/* Where the walk stands. All of it is borrowed from the walk, until its next step. */
struct align_node {
	int dirfd; /* the directory that holds it */
	struct align_dir *dir; /* the same, to be held; NULL: the root's, or it is closed already */
	struct align_dir *self; /* of a directory: its own fd, to be held; else NULL */
	size_t depth; /* how many directories of the walk it lies in */
	unsigned char type; /* what its directory says that it is, DT_REG ...; a hint */
	bool unseen; /* nobody looked at it yet: align_node_look() does, and there is neither fd nor st before */
	const char *name; /* in that directory */
	const char
		*path; /* as a person would name it: the shown name of the root, then downwards */
	const char *below; /* from the root on; "" for the root itself */
	int fd; /* a regular file's or directory's, open for reading; else -1 */
	struct stat st;
	int error; /* errno: it could not be opened or read, and tx_err says why; fd is -1. For a
		    * directory that was given before: it could not be read (st is its own) */
	const void *found; /* what was found out about it ahead (see ahead.h); or NULL */
};

struct align_frame;

/* Something else in the place of what lies in a tree, as a snapshot of it. */
struct align_lens {
	/* What is given instead of NODE, a regular file or a directory that was opened: a descriptor, which
	 * is the walk's from then on, or -1: NODE itself. */
	int (*stand_in)(void *data, const struct align_node *node);
	/* What st_dev the walk gives in the place of DEV. */
	dev_t (*device)(void *data, dev_t dev);
	void *data; /* borrowed */
};

struct align_walk {
	struct align_frame *frames; /* owned; the open directories, outermost first */
	size_t depth, room;
	int base; /* borrowed: where the root is looked up */
	const char *root; /* borrowed */
	char *path; /* owned */
	size_t path_len, path_room, below_at;
	int fd; /* owned: the node's, where it is no directory */
	struct align_dir *self; /* held: the node's, where it is one */
	struct align_dir
		*enter; /* held: the directory given last, entered at the next step; or NULL */
	struct stat enter_st;
	bool enter_linked; /* by a symbolic link */
	bool started;
	dev_t dev; /* of the root */

	/* To be set between the opening and the first step. */
	bool one_device; /* directories on other devices than the root's are given, but not entered */
	bool by_inode; /* within a directory: in the order of inodes */
	bool follow; /* symbolic links; a directory that the walk is in already gives ELOOP */
	bool lazy; /* what is no directory is given unseen, where that may be; with follow or a lens it never is */
	/* Whether the node at PATH, as it is shown, is wanted: else nobody looks at it, nor below. NULL: all are. */
	bool (*wants)(void *data, const char *path);
	void *data; /* borrowed: for wants */
	const struct align_lens *lens; /* borrowed; or NULL */
};

/* Begins at ROOT, looked up in the directory BASE; its path is shown as SHOWN. 0 or -errno. */
int align_walk_open(struct align_walk *walk, int base, const char *root, const char *shown,
		    struct tx_err *err);

/* One step. 1: NODE is filled (look at node->error first), 0: the end, negative: out of memory or
 * the place where the walk stood was taken away. */
int align_walk_next(struct align_walk *walk, struct align_node *node, struct tx_err *err);

/* Looks at a node that was given unseen, which needs node->dirfd, but not the walk: fills st, fd, which is the
 * caller's from then on, and error, where ERR says why. */
void align_node_look(struct align_node *node, struct tx_err *err);

/* Does not enter the directory that was given last. */
void align_walk_skip(struct align_walk *walk);

/* Leaves all directories but the DEPTH outermost. 0 or -errno. */
int align_walk_leave(struct align_walk *walk, size_t depth, struct tx_err *err);
void align_walk_release(struct align_walk *walk);

#endif
