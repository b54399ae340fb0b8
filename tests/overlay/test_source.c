#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/source.h"
#include "tests/lib/scene.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool same_bytes(int a, int b)
{
	char x[8192], y[8192];
	ssize_t n = tx_read_at(a, x, sizeof(x), 0), m = tx_read_at(b, y, sizeof(y), 0);

	return n >= 0 && n == m && !memcmp(x, y, (size_t)n);
}

static int source_of(const struct overlay_stack *s, const char *rel, int merged,
		     const struct stat *st)
{
	struct overlay_finder finder;
	int fd;

	overlay_finder_init(&finder, s);
	fd = overlay_source_open(&finder, rel, merged, st);
	overlay_finder_release(&finder);
	return fd;
}

/* Where the source of merged REL lies: the layer's directory whose file PHYSICAL it is; "none" when
 * none was found, "WRONG" when it has other bytes. */
static const char *where(const char *fs, const char *rel, const char *physical)
{
	static const char *const layers[] = { "upper", "l1", "l2", "l3", "far" };
	TX_FD merged = open(scene_path("%s/merged/%s", fs, rel), O_RDONLY | O_CLOEXEC), fd = -1;
	struct overlay_stack s;
	struct tx_err err;
	struct stat st;

	if (merged < 0 || fstat(merged, &st) < 0 || overlay_stack_open(&s, merged, &err) != 1)
		return "unreadable";
	fd = source_of(&s, rel, merged, &st);
	overlay_stack_release(&s);
	if (fd < 0)
		return fd == -ENOENT ? "none" : "error";
	if (!same_bytes(fd, merged))
		return "WRONG";
	for (size_t i = 0; i < sizeof(layers) / sizeof(*layers); i++) {
		TX_FD real = scene_fd(scene_path("%s/%s/%s", fs, layers[i], physical));

		if (real >= 0 && scene_same_file(real, fd))
			return layers[i];
	}
	return "elsewhere";
}

/* OPTIONS as in mount(8), where $W is the file system and $DIR the scene. */
static bool mount_stack(const char *fs, const char *options)
{
	bool good = scene_run("cd $DIR/%s; W=$PWD; mkdir -p merged\n"
			      "mount -t overlay overlay -o \"%s\" merged\n",
			      fs, options);

	return good || tap_ok(false, "%s: mount %s", fs, options);
}

static void clear(const char *fs)
{
	scene_run("cd $DIR/%s; for m in bound far upper/d l1/d merged; do\n"
		  "! mountpoint -q $m || umount $m; done; rm -rf *\n",
		  fs);
}

#define WRITABLE "lowerdir=$W/l1:$W/l2:$W/l3,upperdir=$W/upper,workdir=$W/work"

static bool make_layers(const char *fs)
{
	clear(fs);
	return scene_run(
		"cd $DIR/%s; mkdir upper work l1 l2 l3; cd l1\n"
		"mkdir -p ../l2/d ../l3/d d; echo one >top; echo 1 >d/all; echo deep >d/one\n"
		"cd ../l2; echo two >top; echo 22 >d/all; echo second >middle\n"
		"cd ../l3; echo three >top; echo 333 >d/all; echo third >d/bottom; echo b >twin\n"
		"ln twin twin2; echo kept >kept; : >empty\n",
		fs);
}

static void test_layers(const char *fs)
{
	if (!make_layers(fs) || !mount_stack(fs, WRITABLE))
		return;
	scene_run("cd $DIR/%s/merged; echo new >new; echo more >>d/bottom\n"
		  "rm kept; echo again >kept\n",
		  fs);
	tap_string(where(fs, "top", "top"), "l1", "%s: the topmost layer's file is the source", fs);
	tap_string(where(fs, "d/all", "d/all"), "l1", "%s: and in a merged directory", fs);
	tap_string(where(fs, "middle", "middle"), "l2", "%s: a file of a layer below is found", fs);
	tap_string(where(fs, "new", "new"), "upper", "%s: a new file is in the upper", fs);
	tap_string(where(fs, "d/bottom", "d/bottom"), "upper", "%s: a copied up file too", fs);
	tap_string(where(fs, "kept", "kept"), "upper", "%s: a replaced file too", fs);
	tap_string(where(fs, "twin", "twin"), "l3", "%s: a file of two names is found", fs);
	tap_string(where(fs, "empty", "empty"), "none", "%s: an empty file has no bytes", fs);
	scene_run("cd $DIR/%s/merged; echo changed >>twin\n", fs);
	tap_string(where(fs, "twin", "twin"), "upper", "%s: a name copied up is in the upper", fs);
	tap_string(where(fs, "twin2", "twin2"), "l3", "%s: its other name still in the lower", fs);
	scene_unmount(scene_path("%s/merged", fs));
	mount_stack(fs, "lowerdir=$W/l1:$W/l2:$W/l3");
	tap_string(where(fs, "middle", "middle"), "l2", "%s: a mount without an upper serves", fs);
	scene_unmount(scene_path("%s/merged", fs));
	mount_stack(fs, "userxattr," WRITABLE);
	tap_string(where(fs, "d/one", "d/one"), "l1", "%s: a mount with userxattr serves", fs);
}

static void test_subdirectory(const char *fs)
{
	struct overlay_stack s;
	struct tx_err err;
	struct stat st;
	int fd, got;

	if (!make_layers(fs) || !mount_stack(fs, WRITABLE))
		return;
	scene_run("cd $DIR/%s; mkdir bound; mount --bind merged/d bound\n", fs);
	fd = open(scene_path("%s/bound/bottom", fs), O_RDONLY | O_CLOEXEC);
	if (!tap_number(overlay_stack_open(&s, fd, &err), 1, "%s: a bound directory opens", fs))
		return;
	fstat(fd, &st);
	got = source_of(&s, "d/bottom", fd, &st);
	tap_ok(got >= 0, "%s: a file of a bound directory is found", fs);
	close(got);
	close(fd);
	overlay_stack_release(&s);
	scene_run("cd $DIR/%s; umount bound\n", fs);
}

/* Files made within one tick of the clock differ in nothing but their inode and their bytes. */
static bool make_twins(const char *fs)
{
	struct timespec same[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	for (int i = 0; i < 300; i++) {
		for (int side = 0; side < 2; side++) {
			TX_FD fd = open(scene_path("%s/l1/%s/%d", fs, side ? "new" : "old", i),
					O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

			if (fd < 0 || tx_write_at(fd, side ? "new" : "old", 3, 0) < 0 ||
			    futimens(fd, same) < 0)
				return false;
		}
	}
	return true;
}

static int count_alike(const char *fs)
{
	int alike = 0;

	for (int i = 0; i < 300; i++) {
		struct stat a, b;

		if (stat(scene_path("%s/l1/old/%d", fs, i), &a) == 0 &&
		    stat(scene_path("%s/l1/new/%d", fs, i), &b) == 0)
			alike += a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
				 a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
	}
	return alike;
}

/* A directory takes the place of another one, which is still there in the lower layer. */
static void test_redirect(const char *fs)
{
	int wrong = 0;

	clear(fs);
	scene_run("cd $DIR/%s; mkdir -p upper work l1/old l1/new\n", fs);
	if (!make_twins(fs) ||
	    !mount_stack(fs, "redirect_dir=on,lowerdir=$W/l1,upperdir=$W/upper,workdir=$W/work"))
		return;
	tap_ok(count_alike(fs) > 0, "%s: some twins differ in inode and bytes only", fs);
	scene_run("cd $DIR/%s/merged; rm -r new; mv old new; echo x >new/added\n", fs);
	for (int i = 0; i < 300; i++) {
		char rel[32], old[32];

		snprintf(rel, sizeof(rel), "new/%d", i);
		snprintf(old, sizeof(old), "old/%d", i);
		wrong += strcmp(where(fs, rel, old), "l1") != 0;
	}
	tap_number(wrong, 0, "%s: a renamed directory leads to its own files, not to strangers'",
		   fs);
	tap_string(where(fs, "new/added", "new/added"), "upper",
		   "%s: a file added to it is in the upper", fs);
}

/* Files large enough that btrfs does not keep them among its metadata, where they have no place. */
#define MAKE(name) "head -c 20000 /dev/urandom >" name "\n"

static void test_metacopy(const char *fs)
{
	clear(fs);
	scene_run("cd $DIR/%s; mkdir -p upper work l1/d; cd l1\n" MAKE("owned") MAKE("twice")
			  MAKE("d/moved") MAKE("d/renamed"),
		  fs);
	if (!mount_stack(fs, "metacopy=on,lowerdir=$W/l1,upperdir=$W/upper,workdir=$W/work"))
		return;
	scene_run("cd $DIR/%s/merged; chown 7 owned twice d/moved d/renamed; mv d/moved up\n"
		  "mv d/renamed d/again; mv d e\n",
		  fs);
	tap_string(where(fs, "owned", "owned"), "l1", "%s: metadata alone leads to the bytes", fs);
	tap_string(where(fs, "up", "d/moved"), "l1", "%s: from another directory too", fs);
	tap_string(where(fs, "e/again", "d/renamed"), "l1", "%s: and in a renamed one", fs);
	scene_unmount(scene_path("%s/merged", fs));
	scene_run("cd $DIR/%s; mv l1 l2; mv upper l1\n"
		  "mkdir upper; rm -rf work; mkdir work\n",
		  fs);
	mount_stack(fs, "metacopy=on,lowerdir=$W/l1:$W/l2,upperdir=$W/upper,workdir=$W/work");
	tap_string(where(fs, "owned", "owned"), "l2", "%s: metadata in a lower layer too", fs);
	scene_run("cd $DIR/%s/merged; chown 8 twice; mv e f\n", fs);
	tap_string(where(fs, "twice", "twice"), "l2", "%s: metadata over metadata", fs);
	tap_string(where(fs, "f/again", "d/renamed"), "l2", "%s: a name over a name", fs);
	scene_run("cd $DIR/%s; head -c 20000 /dev/zero >l1/other; touch -r l2/owned l1/other\n"
		  "mv l2/owned away; cp -p l1/other l2/owned\n",
		  fs);
	tap_string(where(fs, "owned", "owned"), "none",
		   "%s: a file of the same size and times in its place is not the source", fs);
}

/* With an index the names of a lower file stay one file when one of them is copied up. */
static void test_index(const char *fs)
{
	clear(fs);
	scene_run("cd $DIR/%s; mkdir upper work l1; " MAKE("l1/a") "ln l1/a l1/b; echo 1 >l1/c\n",
		  fs);
	if (!mount_stack(fs, "index=on,lowerdir=$W/l1,upperdir=$W/upper,workdir=$W/work"))
		return;
	tap_string(where(fs, "c", "c"), "l1", "%s: with an index, one name is found", fs);
	tap_string(where(fs, "b", "b"), "l1",
		   "%s: with an index, two names are told by where the bytes lie", fs);
	scene_run("cd $DIR/%s/merged; echo new >a\n", fs);
	tap_string(where(fs, "a", "a"), "upper", "%s: the name copied up is in the upper", fs);
	tap_string(where(fs, "b", "b"), "none", "%s: the other name is not the lower file", fs);
	scene_run("cd $DIR/%s/merged; rm a\n", fs);
	tap_string(where(fs, "b", "b"), "none", "%s: not even when it is the last one", fs);
}

static void test_covered(const char *fs)
{
	if (!make_layers(fs) || !mount_stack(fs, WRITABLE))
		return;
	scene_run("cd $DIR/%s; echo up >>merged/d/all; mount -t tmpfs t upper/d\n", fs);
	tap_string(where(fs, "d/all", "d/all"), "none",
		   "%s: what is mounted within a layer ends the search", fs);
	scene_run("cd $DIR/%s; umount upper/d; mount --bind l1/d l1/d\n", fs);
	tap_string(where(fs, "d/one", "d/one"), "none", "%s: in a lower layer too", fs);
	scene_run("cd $DIR/%s; umount l1/d; mv l1 away\n", fs);
	tap_string(where(fs, "middle", "middle"), "none",
		   "%s: below a layer out of reach nothing is sure", fs);
	tap_string(where(fs, "d/all", "d/all"), "upper", "%s: above it all is", fs);
	scene_run("cd $DIR/%s; mkdir -p l1/d; cp -p away/d/one l1/d/one; echo z >l1/new\n", fs);
	tap_string(where(fs, "d/one", "d/one"), "none",
		   "%s: a copy in a layer's place is not the source", fs);
	scene_run("cd $DIR/%s; mv l1 l1copy; mv away l1\n", fs);
	tap_string(where(fs, "d/one", "d/one"), "l1", "%s: the original is", fs);
	scene_run("cd $DIR/%s; echo behind >upper/d/all\n", fs);
	tap_string(where(fs, "d/all/", "d/all"), "unreadable", "%s: a file is no directory", fs);
}

enum change {
	NO_CHANGE,
	OTHER_SIZE,
	OTHER_MODE,
	OTHER_OWNER,
	OTHER_GROUP,
	OTHER_MTIME,
	OTHER_MTIME_NS,
	OTHER_CTIME,
	OTHER_CTIME_NS,
	OTHER_KIND
};

static const struct {
	const char *promise;
	enum change change;
	bool upper, lower; /* it is found there */
} changes[] = {
	{ "a stat as it is finds the source", NO_CHANGE, true, true },
	{ "another size is another file", OTHER_SIZE, false, false },
	{ "another mode is another file", OTHER_MODE, false, false },
	{ "another owner is another file in the upper", OTHER_OWNER, false, true },
	{ "another group is another file in the upper", OTHER_GROUP, false, true },
	{ "another second of change is another file", OTHER_MTIME, false, false },
	{ "another nanosecond of change too", OTHER_MTIME_NS, false, false },
	{ "another second of the inode's change is another file", OTHER_CTIME, false, false },
	{ "another nanosecond of it too", OTHER_CTIME_NS, false, false },
	{ "what is not a regular file has no source", OTHER_KIND, false, false },
};

static void apply(struct stat *st, enum change change)
{
	st->st_size += change == OTHER_SIZE;
	st->st_mode ^= change == OTHER_MODE ? 1 : 0;
	st->st_uid += change == OTHER_OWNER;
	st->st_gid += change == OTHER_GROUP;
	st->st_mtim.tv_sec += change == OTHER_MTIME;
	st->st_mtim.tv_nsec ^= change == OTHER_MTIME_NS;
	st->st_ctim.tv_sec += change == OTHER_CTIME;
	st->st_ctim.tv_nsec ^= change == OTHER_CTIME_NS;
	if (change == OTHER_KIND)
		st->st_mode = S_IFIFO | (st->st_mode & 07777);
}

static bool found(const struct overlay_stack *s, const char *rel, const struct stat *st)
{
	TX_FD merged = openat(s->root, rel, O_RDONLY | O_CLOEXEC);
	TX_FD fd = source_of(s, rel, merged, st);

	return fd >= 0;
}

static void test_changes(const char *fs)
{
	static const char *const rels[] = { "d/new", "middle" }; /* upper, lower */
	struct overlay_stack s;
	struct tx_err err;
	TX_FD dir = -1;

	if (!make_layers(fs) || !mount_stack(fs, WRITABLE))
		return;
	scene_run("cd $DIR/%s/merged; echo new >d/new\n", fs);
	dir = scene_fd(scene_path("%s/merged", fs));
	if (overlay_stack_open(&s, dir, &err) != 1)
		return;
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
			struct stat st;

			fstatat(dir, rels[k], &st, 0);
			apply(&st, changes[i].change);
			tap_number(found(&s, rels[k], &st), k ? changes[i].lower : changes[i].upper,
				   "%s, %s: %s", fs, k ? "lower" : "upper", changes[i].promise);
		}
	}
	tap_string(where(fs, "d", "d"), "none", "%s: a directory has no source", fs);
	overlay_stack_release(&s);
}

/* What must not be found although STAT is made to fit. */
static void test_forged(void)
{
	struct overlay_stack s;
	struct tx_err err;
	struct stat st;
	TX_FD dir = -1;

	if (!make_layers("xfs") || !mount_stack("xfs", "metacopy=on,lowerdir=$W/l1:$W/l2::$W/l3"))
		return;
	dir = scene_fd("xfs/merged");
	if (overlay_stack_open(&s, dir, &err) != 1)
		return;
	fstatat(dir, "middle", &st, 0);
	tap_ok(found(&s, "middle", &st), "beside data-only layers a source is found");
	st.st_dev++;
	tap_ok(!found(&s, "middle", &st), "a file of another device is not");
	stat("xfs/l3/kept", &st);
	st.st_dev = s.dev;
	tap_ok(!found(&s, "kept", &st), "nor one of a data-only layer");
	fstatat(dir, "middle", &st, 0);
	s.marks_hidden = true;
	tap_ok(found(&s, "middle", &st),
	       "where marks cannot be seen a file is the source that lies in the same blocks");
	overlay_stack_release(&s);
}

/* A lower layer on another file system than the upper, and two of one btrfs' subvolumes. */
static void test_far(void)
{
	clear("xfs");
	clear("btrfs");
	scene_run("cd $DIR/xfs; mkdir upper work l1 far; echo near >l1/near\n"
		  "cd $DIR/btrfs; mkdir lower; echo far >lower/far; echo old >lower/up\n");
	for (int xino = 0; xino < 2; xino++) {
		if (!mount_stack("xfs",
				 xino ? "xino=on,lowerdir=$W/l1:$DIR/btrfs/lower,upperdir=$W/"
					"upper,workdir=$W/work"
				      : "xino=off,lowerdir=$W/l1:$DIR/btrfs/lower,upperdir=$W/"
					"upper,workdir=$W/work"))
			return;
		scene_run("cd $DIR/xfs; mount --bind $DIR/btrfs/lower far; echo n >>merged/up\n");
		tap_string(where("xfs", "far", "far"), "far",
			   "a layer on another file system is found, xino=%d", xino);
		tap_string(where("xfs", "near", "near"), "l1", "and one beside the upper, xino=%d",
			   xino);
		tap_string(where("xfs", "up", "up"), "upper", "and the upper, xino=%d", xino);
		scene_run("cd $DIR/xfs; umount far; umount merged\n");
	}
	clear("btrfs");
	scene_run("cd $DIR/btrfs; btrfs -q subvolume create l2; echo one >l2/f; echo two >l2/g\n"
		  "btrfs -q subvolume snapshot l2 l1; rm l1/g; mkdir upper work; echo 1 >l1/f\n");
	mount_stack("btrfs", "lowerdir=$W/l1:$W/l2,upperdir=$W/upper,workdir=$W/work");
	tap_string(where("btrfs", "f", "f"), "l1", "a snapshot over its subvolume is told apart");
	tap_string(where("btrfs", "g", "g"), "l2", "and so is what lies below");
	scene_run("cd $DIR/btrfs; umount merged; btrfs -q subvolume delete l1 l2\n");
}

static void test_sharing(const char *fs)
{
	TX_FD merged = -1, fd = -1, out = -1;
	struct overlay_stack s;
	struct tx_err err;
	struct stat st;

	if (!make_layers(fs) || !mount_stack(fs, WRITABLE))
		return;
	scene_run("cd $DIR/%s; head -c 65536 /dev/urandom >l2/big\n", fs);
	merged = open(scene_path("%s/merged/big", fs), O_RDONLY | O_CLOEXEC);
	out = open(scene_path("%s/out", fs), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	fstat(merged, &st);
	if (overlay_stack_open(&s, merged, &err) != 1)
		return;
	fd = source_of(&s, "big", merged, &st);
	overlay_stack_release(&s);
	tap_ok(ioctl(out, FICLONE, merged) < 0, "%s: the merged file cannot be cloned", fs);
	tap_ok(ioctl(out, FICLONE, fd) == 0 && same_bytes(out, merged),
	       "%s: its source can, and has the bytes", fs);
}

static void test_filesystem(const char *fs)
{
	test_layers(fs);
	test_subdirectory(fs);
	test_redirect(fs);
	test_metacopy(fs);
	test_index(fs);
	test_covered(fs);
	test_sharing(fs);
	test_changes(fs);
	clear(fs);
}

int main(void)
{
	if (scene_open("a layer's file is the source of a merged one")) {
		test_filesystem("xfs");
		test_filesystem("btrfs");
		test_far();
		test_forged();
		clear("xfs");
		clear("btrfs");
		scene_close();
	}
	return tap_done();
}
