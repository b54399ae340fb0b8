#include "align/attrs.h"
#include "align/cleanup.h"
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

static struct align_attrs_asker asker; /* one for all, as file systems take turns in a tree */

static struct align_attrs read_attrs(int fd)
{
	struct align_attrs attrs = { 0 };
	struct stat st;

	must(fstat(fd, &st) == 0, "stat");
	must(align_attrs_read(&asker, fd, st.st_dev, &attrs) == 0, "read the attributes");
	return attrs;
}

/* What the kernel says by the calls of chattr(1), whatever the file system. */
static uint32_t kernel_flags(int fd)
{
	int flags = 0;

	must(ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0, "FS_IOC_GETFLAGS");
	return (uint32_t)flags;
}

static void take_flags_away(int fd)
{
	int none = 0;

	must(ioctl(fd, FS_IOC_SETFLAGS, &none) == 0, "FS_IOC_SETFLAGS");
}

static void test_common(const struct disk *disk)
{
	static const uint32_t both = FS_NODUMP_FL | FS_NOATIME_FL;
	TX_FD fd = disk_file(disk->name, "common");

	tap_number(read_attrs(fd).flags & both, 0, "%s: a new file has no flags", disk->name);
	tap_number(align_attrs_add(fd, FS_NODUMP_FL), 0, "%s: a flag is set", disk->name);
	tap_number(align_attrs_add(fd, FS_NOATIME_FL), 0, "and another");
	tap_number(kernel_flags(fd) & both, both, "and the first one stays");
	tap_number(read_attrs(fd).flags & both, both, "both are read");
	tap_number(align_attrs_forbidding(fd, NULL), 0, "they forbid nothing");
	tap_number(align_attrs_add(fd, FS_IMMUTABLE_FL | FS_APPEND_FL), 0, "those that do are set");
	tap_number(align_attrs_forbidding(fd, NULL), FS_IMMUTABLE_FL | FS_APPEND_FL,
		   "and found by the descriptor");
	take_flags_away(fd);
}

static void test_forbidding_names(const struct disk *disk)
{
	TX_FD dir = open(disk->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	TX_FD fd = disk_file(disk->name, "append");

	must(symlinkat("append", dir, "append-link") == 0, "symlink");
	must(align_attrs_add(fd, FS_APPEND_FL) == 0, "append-only");
	tap_number(align_attrs_forbidding(dir, "append"), FS_APPEND_FL,
		   "%s: what forbids to replace a file is found by its name", disk->name);
	tap_number(align_attrs_forbidding(dir, "append-link"), 0, "a link is not followed");
	tap_number(align_attrs_forbidding(dir, "nothing"), 0, "and nothing where there is nothing");
	take_flags_away(fd);
	unlinkat(dir, "append-link", 0);
}

/* DIRSYNC goes by another call than NODUMP. */
static void test_mixed(const struct disk *disk)
{
	static const uint32_t mixed = FS_DIRSYNC_FL | FS_NODUMP_FL;
	bool has = !strcmp(disk->name, "btrfs") || !strcmp(disk->name, "ext4");
	TX_FD fd = -1;

	must(mkdirat(AT_FDCWD, scene_path("%s/mixed", disk->name), 0700) == 0, "mkdir");
	fd = open(scene_path("%s/mixed", disk->name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tap_number(align_attrs_add(fd, mixed), has ? 0 : -EOPNOTSUPP,
		   "%s: a directory's flags, whichever call knows them", disk->name);
	tap_number(read_attrs(fd).flags & mixed, has ? mixed : 0, "all of them or none");
}

static bool has_projects(const struct disk *disk)
{
	return !strncmp(disk->name, "xfs", 3);
}

static void test_project(const struct disk *disk)
{
	TX_FD fd = disk_file(disk->name, "project");

	tap_number(read_attrs(fd).project, 0, "%s: a new file is in no project", disk->name);
	tap_number(align_attrs_set_project(fd, 4000000000u), has_projects(disk) ? 0 : -EOPNOTSUPP,
		   "it is put into one where there are projects");
	tap_number(read_attrs(fd).project, has_projects(disk) ? 4000000000u : 0, "which is read");
}

static void test_no_cow(void)
{
	TX_FD fd = disk_file("btrfs", "no-cow"), plain = disk_file("btrfs", "plain");

	tap_number(align_attrs_add(fd, FS_NOCOW_FL), 0, "btrfs: a file without copy-on-write");
	tap_ok(align_attrs_no_cow(fd), "is one");
	tap_ok(!align_attrs_no_cow(plain), "another is not");
	tap_ok(!align_attrs_no_cow(-1), "nor is what cannot be asked");
}

static void test_compression(void)
{
	TX_FD fd = disk_file("btrfs", "compressed");
	char value[8] = "";

	if (!scene_run("cd $DIR/btrfs; setfattr -n btrfs.compression -v zstd compressed")) {
		tap_skip("flags leave btrfs.compression alone", "cannot set it");
		return;
	}
	tap_number(align_attrs_add(fd, FS_NODUMP_FL | FS_SYNC_FL | FS_NOATIME_FL | FS_IMMUTABLE_FL |
					       FS_APPEND_FL),
		   0, "btrfs: flags of a compressed file");
	snprintf(value, sizeof(value), "%s",
		 scene_run(
			 "cd $DIR/btrfs\n"
			 "[ \"$(getfattr --only-values -n btrfs.compression compressed)\" = zstd ]")
			 ? "zstd"
			 : "other");
	tap_string(value, "zstd", "leave btrfs.compression alone");
	take_flags_away(fd);
}

/* A device of proc or a pipe has none of it; that is no error. */
static void test_nothing_there(void)
{
	TX_FD fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	struct align_attrs attrs;
	struct stat st;

	must(fd >= 0 && fstat(fd, &st) == 0, "open a file of /proc");
	tap_number(align_attrs_read(&asker, fd, st.st_dev, &attrs), 0,
		   "a file system without flags says so by having none");
	tap_ok(attrs.flags == 0 && attrs.project == 0, "and no project");
	tap_number(asker.calls, 0, "and is not asked again");
	tap_number(align_attrs_add(fd, FS_NODUMP_FL), -EOPNOTSUPP, "none can be set there");
	tap_number(align_attrs_set_project(fd, 5), -EOPNOTSUPP, "nor a project");
}

int main(void)
{
	if (!disks_open("file flags are read and set"))
		return tap_done();
	for (size_t i = 0; i < DISKS; i++) {
		if (!disks[i].there)
			continue;
		test_common(&disks[i]);
		test_forbidding_names(&disks[i]);
		test_mixed(&disks[i]);
		test_project(&disks[i]);
	}
	test_no_cow();
	test_compression();
	test_nothing_there();
	disks_close();
	return tap_done();
}
