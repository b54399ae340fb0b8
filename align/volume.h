/* What the file system under a descriptor can do. */
#ifndef ALIGN_VOLUME_H
#define ALIGN_VOLUME_H

#include "align/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct align_volume {
	dev_t dev; /* st_dev of what was asked about */
	const char *name; /* "btrfs", "xfs", "ext4" ...; static */
	uint32_t block; /* bytes; offsets of a clone are multiples of it */
	bool clones; /* FICLONERANGE works within it */
	bool round_tail; /* a clone up to the end of the last block and a truncation cost less
			   * than a copy of the bytes in the last block (KERNEL: btrfs) */
	bool handles; /* align_handle_take() works */
};

/* Fills VOLUME for the file system of FD, a directory where new files are to be made, or a file.
 * btrfs and XFS tell; on others a block is cloned between two files without a name (open(2)
 * O_TMPFILE), which needs a directory: of a file's unknown file system no cloning is expected.
 * Returns 0 or -errno. */
int align_volume_probe(struct align_volume *volume, int fd, struct tx_err *err);

/* Every btrfs subvolume begins with a directory of this inode number. */
#define ALIGN_SUBVOLUME_INO 256

/* Whether the directory FD is the root of a btrfs subvolume. 1, 0 (on other file systems always) or
 * -errno. */
int align_volume_is_subvolume(int fd, struct tx_err *err);

/* Makes a subvolume NAME in the directory DIR, its mode through the umask. 0 or -errno. */
int align_subvolume_make(int dir, const char *name, struct tx_err *err);

/* Whether the subvolume FD cannot be written to. 1, 0 or -errno. */
int align_subvolume_is_read_only(int fd, struct tx_err *err);

/* Makes the read-only snapshot NAME of the subvolume ROOT, in its own directory. It holds no
 * subvolumes: where there was one it has an empty directory of inode ALIGN_NO_SUBVOLUME_INO. 0 or -errno. */
int align_subvolume_snapshot(int root, const char *name, struct tx_err *err);
#define ALIGN_NO_SUBVOLUME_INO 2

/* Removes the subvolume NAME from the directory DIR. Allowed in a signal handler. 0 or -errno. */
int align_subvolume_remove(int dir, const char *name);

/* Nothing can be written to the subvolume FD from now on. 0 or -errno. */
int align_subvolume_protect(int fd, struct tx_err *err);

/* One inode, kept without a descriptor and opened again by what it is, not by where it was. */
struct align_handle {
	void *bytes; /* owned */
	size_t len;
	bool general; /* of name_to_handle_at(2), not of XFS */
};

/* Takes the handle of FD. Returns 0 or -errno (EOPNOTSUPP: use the path). */
int align_handle_take(const struct align_volume *volume, struct align_handle *handle, int fd);

/* The same on other file systems than XFS too. It finds the inode in the file system of MOUNT (any
 * descriptor on it), and is refused (EXDEV) where FD is on another one. */
int align_handle_take_general(const struct align_volume *volume, struct align_handle *handle,
			      int fd, int mount);

/* Opens the inode with FLAGS of open(2); MOUNT is what a general handle was taken with. Needs
 * CAP_SYS_ADMIN or CAP_DAC_READ_SEARCH. The descriptor, or -errno (ESTALE: it is gone). */
int align_handle_open(const struct align_handle *handle, int mount, int flags);
void align_handle_release(struct align_handle *handle);

#endif
