/* Looking names up in the layers as overlayfs does: through merged and opaque directories, whiteouts,
 * redirects and metadata-only files. See "Documentation/filesystems/overlayfs.rst" of the kernel. */
#ifndef OVERLAY_MERGED_H
#define OVERLAY_MERGED_H

#include "overlay/stack.h"

/* One of the directories that a merged directory is made of. */
struct overlay_place {
	int fd; /* -1: from here on down nothing is known */
	size_t layer;
};

struct overlay_dir {
	struct overlay_place *places; /* owned; top to bottom */
	size_t count;
	bool borrowed; /* the descriptors are the layers' own */
};

/* DIR becomes the root of the overlay. 0 or -ENOMEM; release after either. */
int overlay_dir_root(const struct overlay_stack *s, struct overlay_dir *dir);

/* DIR becomes the directory NAME in PARENT; one that is none, or is not there, has no places, and one that
 * cannot be understood ends in one without a descriptor. 0 or -ENOMEM; release after either. */
int overlay_dir_enter(const struct overlay_stack *s, const struct overlay_dir *parent,
		      const char *name, struct overlay_dir *dir);
void overlay_dir_release(struct overlay_dir *dir);

/* The file with the bytes of a merged one. */
struct overlay_file {
	int fd; /* owned; open for reading */
	size_t layer;
	bool metacopy; /* the way to it led over a metadata-only file */
};

/* Finds the regular file with the bytes of NAME in the directory PARENT. What lies in a layer may
 * have changed behind the overlay's back, so that a file is found by this, but not proved. 0 or
 * -errno (ENOENT: there is none, or it cannot be known which). */
int overlay_dir_file(const struct overlay_stack *s, const struct overlay_dir *parent,
		     const char *name, struct overlay_file *file);

#endif
