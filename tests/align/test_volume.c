#include "align/cleanup.h"
#include "align/volume.h"
#include "tests/align/disks.h"
#include "tests/align/room.h"
#include "tests/lib/scene.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd >= 0, path);
	return fd;
}

static bool is_xfs(const struct disk *disk)
{
	return !strncmp(disk->name, "xfs", 3);
}

/* What the kernel itself says when one block is to be shared. */
static bool kernel_clones(const struct disk *disk)
{
	TX_FD from = disk_file(disk->name, "from"), to = disk_file(disk->name, "to");
	struct file_clone_range range = { .src_fd = from, .src_length = disk->block };

	disk_fill(from, 0, disk->block, 1);
	return ioctl(to, FICLONERANGE, &range) == 0;
}

static void check_volume(const struct disk *disk, int fd, const char *what)
{
	struct align_volume v;
	struct tx_err err = { 0 };
	struct stat st;

	tap_number(align_volume_probe(&v, fd, &err), 0, "%s answers for a %s", disk->name, what);
	tap_string(v.name, is_xfs(disk) ? "xfs" : disk->name, "with its name");
	tap_number(v.block, disk->block, "its block size");
	tap_ok(v.clones == disk->clones && kernel_clones(disk) == v.clones,
	       "whether it can share, as the kernel does");
	tap_ok(fstat(fd, &st) == 0 && st.st_dev == v.dev, "and its device");
#ifdef HAVE_XFS
	if (!strcmp(what, "directory"))
		tap_ok(v.handles == is_xfs(disk), "and handles, which are of XFS");
#endif
	tap_ok(v.round_tail == !strcmp(disk->name, "btrfs"), "rounding the tail pays on btrfs");
}

static void test_disk(const struct disk *disk)
{
	TX_FD dir = open_dir(disk->name), file = disk_file(disk->name, "probed");
	size_t before = room_count(disk->name);

	check_volume(disk, dir, "directory");
	check_volume(disk, file, "file");
	tap_number((long long)room_count(disk->name), (long long)before + 2,
		   "%s: asking leaves nothing behind", disk->name);
}

static void test_small_blocks(void)
{
	struct align_volume v;
	struct tx_err err;
	TX_FD dir = -1;

	if (!scene_run("cd $DIR; mkdir small; truncate -s 64M small.img\n"
		       "mkfs.ext4 -q -F -b 1024 small.img; mount -o loop small.img small")) {
		tap_skip("blocks of 1K are told", "cannot mount such an ext4");
		return;
	}
	dir = open_dir("small");
	tap_ok(align_volume_probe(&v, dir, &err) == 0 && v.block == 1024, "blocks of 1K are told");
	tx_fd_release(&dir);
	scene_unmount(scene_path("small"));
}

static void test_failure(void)
{
	struct align_volume v;
	struct tx_err err;

	tap_number(align_volume_probe(&v, -1, &err), -EBADF, "no descriptor is an error");
	tap_string(err.text, "ask what file system this is: Bad file descriptor", "that says so");
}

/* ------------------------------------------------------------------ subvolumes */

static int is_subvolume(const char *path)
{
	TX_FD fd = open_dir(path);
	struct tx_err err;

	return align_volume_is_subvolume(fd, &err);
}

static void test_subvolumes(void)
{
#ifdef HAVE_BTRFSUTIL
	struct stat st;

	if (!scene_run("cd $DIR/btrfs; btrfs subvolume create sub; mkdir dir sub/dir\n"
		       "btrfs subvolume create sub/inner; btrfs subvolume snapshot sub snap")) {
		tap_skip("a subvolume is told from a directory", "no btrfs program");
		return;
	}
	tap_number(is_subvolume("btrfs/sub"), 1, "a subvolume is one");
	tap_number(is_subvolume("btrfs/snap"), 1, "a snapshot is one");
	tap_number(is_subvolume("btrfs/sub/inner"), 1, "one within another is one");
	tap_number(is_subvolume("btrfs"), 1, "the file system's own root is one");
	tap_number(is_subvolume("btrfs/dir"), 0, "a directory is none");
	tap_number(is_subvolume("btrfs/sub/dir"), 0, "a directory in a subvolume is none");
	tap_number(is_subvolume("btrfs/snap/inner"), 0, "the stub that a snapshot leaves is none");
	tap_ok(stat("btrfs/sub", &st) == 0 && st.st_ino == ALIGN_SUBVOLUME_INO,
	       "a subvolume's inode has the number that is known");
	tap_number(is_subvolume("xfs"), 0, "on XFS there are none");
	tap_number(is_subvolume("/"), 0, "nor on what the machine runs from");
#else
	tap_number(is_subvolume("btrfs"), 0, "built without libbtrfsutil there are no subvolumes");
#endif
}

static void test_making_subvolumes(void)
{
	TX_FD dir = open_dir("btrfs"), xfs = open_dir("xfs"), made = -1;
	struct tx_err err = { 0 };

#ifdef HAVE_BTRFSUTIL
	tap_number(align_subvolume_make(dir, "made", &err), 0, "a subvolume is made");
	tap_number(is_subvolume("btrfs/made"), 1, "which is one");
	tap_number(align_subvolume_make(dir, "made", &err), -EEXIST, "not where its name is taken");
	tap_ok(align_subvolume_make(xfs, "made", &err) < 0 && err.text[0], "nor on XFS");
	made = open_dir("btrfs/made");
	tap_number(align_subvolume_is_read_only(made, &err), 0, "it can be written to");
	tap_number(align_subvolume_protect(made, &err), 0, "until it is protected");
	tap_number(align_subvolume_is_read_only(made, &err), 1, "which is told");
	tap_ok(mkdirat(made, "below", 0700) < 0 && errno == EROFS, "and true");
#else
	tap_number(align_subvolume_make(dir, "made", &err), -EOPNOTSUPP,
		   "built without libbtrfsutil no subvolume is made");
	tap_string(err.text, "tarx was built without libbtrfsutil", "and the reason given");
	(void)xfs;
	(void)made;
#endif
}

/* ------------------------------------------------------------------ handles */

static ino_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* The handle of DISK's file "held", which is closed again. */
static int take(const char *disk, struct align_handle *handle, ino_t *ino)
{
	TX_FD dir = open_dir(disk), fd = disk_file(disk, "held");
	struct align_volume v;
	struct tx_err err;

	disk_fill(fd, 0, 5000, 7);
	*ino = inode_of(fd);
	must(align_volume_probe(&v, dir, &err) == 0, "probe");
	return align_handle_take(&v, handle, fd);
}

static void test_handles(const char *disk)
{
#ifdef HAVE_XFS
	struct align_handle handle;
	ino_t ino;
	int fd;

	if (!tap_number(take(disk, &handle, &ino), 0, "%s: a handle is taken", disk))
		return;
	must(mkdir(scene_path("%s/other", disk), 0755) == 0 &&
		     rename(scene_path("%s/held", disk), scene_path("%s/other/moved", disk)) == 0,
	     "rename");
	fd = align_handle_open(&handle, -1, O_RDONLY);
	tap_ok(fd >= 0 && inode_of(fd) == ino && disk_holds(fd, 0, 5000, 0, 7),
	       "%s: it opens the same inode after a rename", disk);
	tap_ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "%s: for this program only", disk);
	close(fd);
	fd = align_handle_open(&handle, -1, O_WRONLY);
	tap_ok(fd >= 0 && write(fd, "x", 1) == 1, "%s: for writing too", disk);
	close(fd);
	must(unlink(scene_path("%s/other/moved", disk)) == 0, "unlink");
	tap_number(align_handle_open(&handle, -1, O_RDONLY), -ESTALE,
		   "%s: a removed inode is stale", disk);
	align_handle_release(&handle);
	tap_ok(handle.bytes == NULL, "%s: a released handle holds nothing", disk);
#else
	tap_skip("a handle opens the same inode after a rename", "built without libhandle");
	(void)take;
	(void)disk;
#endif
}

/* Two file systems have the same inode numbers: a handle must know its own. */
static void test_two_disks(void)
{
#ifdef HAVE_XFS
	struct align_handle a, b;
	struct stat st, want;
	ino_t ino;
	int fd;

	if (!tap_ok(take("xfs", &a, &ino) == 0 && take("xfsplain", &b, &ino) == 0,
		    "handles are taken on two file systems"))
		return;
	fd = align_handle_open(&a, -1, O_RDONLY);
	tap_ok(fstat(fd, &st) == 0 && stat("xfs/held", &want) == 0 && st.st_dev == want.st_dev,
	       "a handle opens on the file system that it came from");
	close(fd);
	fd = align_handle_open(&b, -1, O_RDONLY);
	tap_ok(fstat(fd, &st) == 0 && stat("xfsplain/held", &want) == 0 && st.st_dev == want.st_dev,
	       "also where two are mounted");
	close(fd);
	align_handle_release(&a);
	align_handle_release(&b);
#endif
}

static void test_no_handles(void)
{
	struct align_handle handle;
	ino_t ino;

	tap_number(take("ext4", &handle, &ino), -EOPNOTSUPP, "elsewhere there is none to take");
	tap_ok(handle.bytes == NULL, "and nothing to release");
	tap_number(align_handle_open(&handle, -1, O_RDONLY), -EOPNOTSUPP, "nor to open");
	align_handle_release(&handle);
}

/* On file systems without handles of their own: those of the kernel. */
static void test_general_handles(const char *disk)
{
	TX_FD dir = open_dir(disk), other = open_dir("."), fd = disk_file(disk, "general");
	struct align_handle handle;
	struct align_volume v;
	struct tx_err err;
	ino_t ino = inode_of(fd);
	int again;

	must(align_volume_probe(&v, dir, &err) == 0, "probe");
	tap_number(align_handle_take_general(&v, &handle, fd, other), v.handles ? 0 : -EXDEV,
		   "%s: the kernel's handle is for the file system at hand", disk);
	align_handle_release(&handle);
	tap_number(align_handle_take_general(&v, &handle, fd, dir), 0, "%s: is taken there", disk);
	must(rename(scene_path("%s/general", disk), scene_path("%s/moved", disk)) == 0, "rename");
	tx_fd_release(&fd);
	again = align_handle_open(&handle, dir, O_RDONLY);
	tap_ok(again >= 0 && inode_of(again) == ino, "%s: it opens the same inode after a rename",
	       disk);
	tap_ok(fcntl(again, F_GETFD) & FD_CLOEXEC, "%s: for this program only", disk);
	close(again);
	must(unlink(scene_path("%s/moved", disk)) == 0, "unlink");
	tap_number(align_handle_open(&handle, dir, O_RDONLY), -ESTALE,
		   "%s: a removed inode is stale", disk);
	align_handle_release(&handle);
}

int main(void)
{
	if (disks_open("a file system tells what it can")) {
		for (int i = 0; i < DISKS; i++)
			if (disks[i].there)
				test_disk(&disks[i]);
		test_small_blocks();
		test_failure();
		test_subvolumes();
		test_making_subvolumes();
		test_general_handles("btrfs");
		test_general_handles("xfs");
		test_handles("xfs");
		if (disks[2].there)
			test_handles("xfs64k");
		if (disks[3].there)
			test_two_disks();
		if (disks[4].there)
			test_no_handles();
		if (disks[4].there)
			test_general_handles("ext4");
		disks_close();
	}
	return tap_done();
}
