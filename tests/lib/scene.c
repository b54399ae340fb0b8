#include "tests/lib/scene.h"

#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char scene_dir[PATH_MAX];

static bool enter_namespace(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool make_directory(void)
{
	const char *parent = getenv("TMPDIR");

	snprintf(scene_dir, sizeof(scene_dir), "%s/overlay-scene.XXXXXX",
		 parent && *parent ? parent : "/dev/shm");
	return mkdtemp(scene_dir) && mount("scene", scene_dir, "tmpfs", 0, NULL) == 0 &&
	       chdir(scene_dir) == 0;
}

static bool make_filesystems(void)
{
	return scene_run("truncate -s 400M xfs.img; mkfs.xfs -q -m reflink=1 xfs.img\n"
			 "truncate -s 300M btrfs.img; mkfs.btrfs -q btrfs.img\n"
			 "mkdir xfs btrfs\n"
			 "mount -o loop xfs.img xfs; mount -o loop btrfs.img btrfs\n");
}

bool scene_open(const char *promise)
{
	if (geteuid() != 0) {
		tap_skip(promise, "needs root, to mount");
		return false;
	}
	if (!enter_namespace() || !make_directory()) {
		tap_skip(promise, strerror(errno));
		return false;
	}
	if (!make_filesystems()) {
		tap_skip(promise, "cannot make an XFS and a btrfs on loop devices");
		scene_close();
		return false;
	}
	return true;
}

void scene_close(void)
{
	if (chdir("/") < 0 || umount2(scene_path("xfs"), MNT_DETACH) < 0 ||
	    umount2(scene_path("btrfs"), MNT_DETACH) < 0)
		printf("# unmount: %s\n", strerror(errno));
	umount2(scene_dir, MNT_DETACH);
	rmdir(scene_dir);
}

bool scene_run(const char *fmt, ...)
{
	char script[8192];
	int n = snprintf(script, sizeof(script), "set -e; DIR='%s'; exec >&2; ", scene_dir);
	va_list args;
	int status;

	va_start(args, fmt);
	vsnprintf(script + n, sizeof(script) - (size_t)n, fmt, args);
	va_end(args);
	status = system(script);
	if (status != 0)
		printf("# failed: %s\n", script);
	return status == 0;
}

const char *scene_path(const char *fmt, ...)
{
	static char paths[8][2 * PATH_MAX];
	static unsigned int turn;
	char *path = paths[turn++ % 8];
	int n = snprintf(path, sizeof(*paths), "%s/", scene_dir);
	va_list args;

	va_start(args, fmt);
	vsnprintf(path + n, sizeof(*paths) - (size_t)n, fmt, args);
	va_end(args);
	return path;
}

bool scene_mount(const char *at, const char *options)
{
	if (mount("overlay", at, "overlay", 0, options) == 0)
		return true;
	printf("# mount %s: %s\n", options, strerror(errno));
	return false;
}

static int set(int fs, const char *key, const char *value)
{
	return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0);
}

static bool configure(int fs, const char *const *lowers, const char *upper, const char *work)
{
	bool good = true;
	int dir;

	for (; *lowers && good; lowers++)
		good = set(fs, "lowerdir+", *lowers) == 0;
	if (!upper || !good)
		return good;
	dir = scene_fd(upper);
	good = fsconfig(fs, FSCONFIG_SET_FD, "upperdir", NULL, dir) == 0 &&
	       set(fs, "workdir", work) == 0;
	close(dir);
	return good;
}

bool scene_mount_raw(const char *at, const char *const *lowers, const char *upper, const char *work)
{
	int fs = fsopen("overlay", FSOPEN_CLOEXEC), mnt = -1;
	bool good = fs >= 0 && configure(fs, lowers, upper, work) &&
		    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0;

	if (good)
		mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	good = mnt >= 0 && move_mount(mnt, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH) == 0;
	if (!good)
		printf("# fsconfig: %s\n", strerror(errno));
	close(mnt);
	close(fs);
	return good;
}

void scene_unmount(const char *at)
{
	if (umount2(at, MNT_DETACH) < 0)
		printf("# unmount %s: %s\n", at, strerror(errno));
}

int scene_fd(const char *path)
{
	return open(path, O_PATH | O_CLOEXEC);
}

bool scene_same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}
