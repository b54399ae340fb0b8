#include "align/volume.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "align/volume_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

static const char *magic_name(long magic)
{
	static const struct {
		long magic;
		const char *name;
	} known[] = {
		{ BTRFS_SUPER_MAGIC, "btrfs" },       { XFS_SUPER_MAGIC, "xfs" },
		{ EXT4_SUPER_MAGIC, "ext4" },         { TMPFS_MAGIC, "tmpfs" },
		{ OVERLAYFS_SUPER_MAGIC, "overlay" }, { NFS_SUPER_MAGIC, "nfs" },
		{ F2FS_SUPER_MAGIC, "f2fs" },         { MSDOS_SUPER_MAGIC, "vfat" },
		{ FUSE_SUPER_MAGIC, "fuse" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].magic == magic)
			return known[i].name;
	return "this file system";
}

static int open_nameless(int dir)
{
	return openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* The certain test: clone one block between two files that never get a name. */
static bool clones_a_block(int dir, uint32_t block)
{
	TX_FD from = open_nameless(dir);
	TX_FD to = open_nameless(dir);
	struct file_clone_range range = { .src_fd = from, .src_length = block };

	if (from < 0 || to < 0 || ftruncate(from, block) < 0)
		return false;
	return tx_write_at(from, "x", 1, 0) == 0 && ioctl(to, FICLONERANGE, &range) == 0;
}

/* btrfs always clones, XFS tells whether it does, elsewhere it is tried. */
static int probe_kind(struct align_volume *volume, int fd, long magic, bool directory,
		      struct tx_err *err)
{
	if (magic == BTRFS_SUPER_MAGIC) {
		volume->clones = volume->round_tail = true;
		return 0;
	}
#ifdef HAVE_XFS
	if (magic == XFS_SUPER_MAGIC)
		return align_xfs_probe(volume, fd, err);
#else
	(void)fd;
	(void)err;
#endif
	volume->clones = directory && clones_a_block(fd, volume->block);
	return 0;
}

int align_volume_probe(struct align_volume *volume, int fd, struct tx_err *err)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return tx_fail(err, errno, "ask what file system this is");
	*volume = (struct align_volume){
		.dev = st.st_dev,
		.name = magic_name(fs.f_type),
		.block = (uint32_t)fs.f_bsize,
	};
	return probe_kind(volume, fd, fs.f_type, S_ISDIR(st.st_mode), err);
}

int align_volume_is_subvolume(int fd, struct tx_err *err)
{
#ifdef HAVE_BTRFSUTIL
	return align_btrfs_is_subvolume(fd, err);
#else
	(void)fd;
	(void)err;
	return 0;
#endif
}

#ifndef HAVE_BTRFSUTIL
static int no_subvolumes(struct tx_err *err)
{
	return tx_reject(err, EOPNOTSUPP, "tarx was built without libbtrfsutil");
}
#endif

int align_subvolume_make(int dir, const char *name, struct tx_err *err)
{
#ifdef HAVE_BTRFSUTIL
	return align_btrfs_make(dir, name, err);
#else
	(void)dir;
	(void)name;
	return no_subvolumes(err);
#endif
}

int align_subvolume_snapshot(int root, const char *name, struct tx_err *err)
{
#ifdef HAVE_BTRFSUTIL
	return align_btrfs_snapshot(root, name, err);
#else
	(void)root;
	(void)name;
	return no_subvolumes(err);
#endif
}

int align_subvolume_remove(int dir, const char *name)
{
#ifdef HAVE_BTRFSUTIL
	return align_btrfs_remove(dir, name);
#else
	(void)dir;
	(void)name;
	return -EOPNOTSUPP;
#endif
}

int align_subvolume_is_read_only(int fd, struct tx_err *err)
{
#ifdef HAVE_BTRFSUTIL
	return align_btrfs_is_read_only(fd, err);
#else
	(void)fd;
	return no_subvolumes(err);
#endif
}

int align_subvolume_protect(int fd, struct tx_err *err)
{
#ifdef HAVE_BTRFSUTIL
	return align_btrfs_protect(fd, err);
#else
	(void)fd;
	return no_subvolumes(err);
#endif
}

int align_handle_take(const struct align_volume *volume, struct align_handle *handle, int fd)
{
	*handle = (struct align_handle){ 0 };
#ifdef HAVE_XFS
	if (volume->handles)
		return align_xfs_handle_take(handle, fd);
#else
	(void)fd;
#endif
	(void)volume;
	return -EOPNOTSUPP;
}

int align_handle_take_general(const struct align_volume *volume, struct align_handle *handle,
			      int fd, int mount)
{
	struct file_handle *bytes;
	struct stat a, b;
	int id, r = align_handle_take(volume, handle, fd);

	if (r != -EOPNOTSUPP)
		return r;
	if (fstat(fd, &a) < 0 || fstat(mount, &b) < 0)
		return -errno;
	if (a.st_dev != b.st_dev)
		return -EXDEV;
	bytes = malloc(sizeof(*bytes) + MAX_HANDLE_SZ);
	if (!bytes)
		return -ENOMEM;
	bytes->handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(fd, "", bytes, &id, AT_EMPTY_PATH) < 0) {
		r = -errno;
		free(bytes);
		return r;
	}
	*handle = (struct align_handle){ .bytes = bytes, .general = true };
	return 0;
}

int align_handle_open(const struct align_handle *handle, int mount, int flags)
{
	int fd;

	if (!handle->bytes)
		return -EOPNOTSUPP;
	if (handle->general) {
		fd = open_by_handle_at(mount, handle->bytes, flags | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
#ifdef HAVE_XFS
	return align_xfs_handle_open(handle, flags);
#else
	return -EOPNOTSUPP;
#endif
}

void align_handle_release(struct align_handle *handle)
{
	free(handle->bytes);
	*handle = (struct align_handle){ 0 };
}
