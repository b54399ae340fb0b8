#include "tests/align/disks.h"

#include "align/extent.h"
#include "align/io.h"
#include "tests/align/room.h"
#include "tests/lib/tap.h"
#include "tests/lib/scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct disk disks[DISKS] = {
	{ "btrfs", 4096, true, true },    { "xfs", 4096, true, true },
	{ "xfs64k", 65536, true, false }, { "xfsplain", 4096, false, false },
	{ "ext4", 4096, false, false },   { "tmpfs", 4096, false, false },
};

static const char *const making[DISKS] = {
	NULL,
	NULL,
	"mkfs.xfs -q -b size=64k -m reflink=1",
	"mkfs.xfs -q -m reflink=0",
	"mkfs.ext4 -q -F -b 4096",
	NULL,
};

static bool make_disk(const struct disk *disk, const char *mkfs)
{
	if (!strcmp(disk->name, "tmpfs"))
		return scene_run("cd $DIR; mkdir tmpfs; mount -t tmpfs tmpfs tmpfs");
	return scene_run("cd $DIR; mkdir %s; truncate -s 400M %s.img; %s %s.img\n"
			 "mount -o loop %s.img %s\n",
			 disk->name, disk->name, mkfs, disk->name, disk->name, disk->name);
}

bool disks_open(const char *promise)
{
	if (!scene_open(promise))
		return false;
	for (int i = 0; i < DISKS; i++) {
		if (!disks[i].there)
			disks[i].there = make_disk(&disks[i], making[i]);
		if (!disks[i].there)
			tap_skip(promise, disks[i].name);
	}
	return true;
}

void disks_close(void)
{
	for (int i = 0; i < DISKS; i++)
		if (disks[i].there && (making[i] || !strcmp(disks[i].name, "tmpfs")))
			scene_unmount(scene_path("%s", disks[i].name));
	scene_close();
}

int disk_file(const char *disk, const char *name)
{
	const char *path = scene_path("%s/%s", disk, name);
	int fd;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	must(fd >= 0, path);
	return fd;
}

static unsigned char pattern(off_t at, unsigned int seed)
{
	return (unsigned char)((((uint64_t)at + 1) * 0x9E3779B97F4A7C15u + seed * 0x9E3779B9u) >>
			       56);
}

void disk_fill(int fd, off_t off, off_t size, unsigned int seed)
{
	static unsigned char buf[65536];
	off_t done = 0;

	while (done < size) {
		size_t n = size - done < (off_t)sizeof(buf) ? (size_t)(size - done) : sizeof(buf);

		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(off + done + (off_t)i, seed);
		must(tx_write_at(fd, buf, n, off + done) == 0, "fill");
		done += (off_t)n;
	}
}

bool disk_holds(int fd, off_t at, off_t len, off_t from, unsigned int seed)
{
	static unsigned char buf[65536];

	for (off_t done = 0; done < len;) {
		size_t n = len - done < (off_t)sizeof(buf) ? (size_t)(len - done) : sizeof(buf);

		if (tx_read_at(fd, buf, n, at + done) != (ssize_t)n)
			return false;
		for (size_t i = 0; i < n; i++)
			if (buf[i] != pattern(from + done + (off_t)i, seed))
				return false;
		done += (off_t)n;
	}
	return true;
}

bool disk_is_zero(int fd, off_t at, off_t len)
{
	for (off_t i = 0; i < len; i++) {
		char c = 1;

		if (tx_read_at(fd, &c, 1, at + i) != 1 || c != 0)
			return false;
	}
	return true;
}

long long disk_shared(int fd, off_t off, off_t len)
{
	uint64_t shared, mapped;
	struct tx_err err;

	return align_extent_shared(fd, off, len, &shared, &mapped, &err) < 0 ? -1
									     : (long long)shared;
}
