#include "align/cleanup.h"
#include "align/walk.h"
#include "tests/align/room.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define NOBODY 65534

/* ------------------------------------------------------------------ a walk as a line of text */

static char story[8192];

static void __attribute__((format(printf, 1, 2))) tell(const char *fmt, ...)
{
	size_t used = strlen(story);
	va_list args;

	va_start(args, fmt);
	vsnprintf(story + used, sizeof(story) - used, fmt, args);
	va_end(args);
}

/* "a a/b a/b/c", "(EACCES)" behind what could not be opened or read. */
static void tell_node(const struct align_node *node)
{
	tell("%s%s", *story ? " " : "", node->path);
	if (node->error)
		tell("(%s)", strerrorname_np(node->error));
}

/* Called for each node: what happens on the disk meanwhile. */
typedef void meanwhile(struct align_walk *walk, const struct align_node *node);

static const char *walk_with(const char *root, const char *shown, meanwhile *event)
{
	struct align_walk walk;
	struct align_node node;
	struct tx_err err;
	int r;

	story[0] = '\0';
	if (align_walk_open(&walk, AT_FDCWD, root, shown, &err) < 0)
		return "cannot begin";
	while ((r = align_walk_next(&walk, &node, &err)) > 0) {
		tell_node(&node);
		if (event)
			event(&walk, &node);
	}
	if (r < 0)
		tell(" broke: %s", strerrorname_np(-r));
	align_walk_release(&walk);
	return story;
}

static const char *walk_of(const char *root)
{
	return walk_with(root, root, NULL);
}

/* ------------------------------------------------------------------ what is given */

static void make_tree(void)
{
	must(mkdir("t", 0755) == 0 && mkdir("t/b", 0755) == 0 && mkdir("t/b/deep", 0755) == 0 &&
		     mkdir("t/empty", 0755) == 0,
	     "mkdir");
	room_write("t/a", "a");
	room_write("t/b.txt", "b.txt");
	room_write("t/b/x", "x");
	room_write("t/b/deep/z", "z");
	room_write("t/\xff", "ff");
	room_write("t/Z", "Z");
	must(symlink("b", "t/to-dir") == 0 && symlink("nowhere", "t/c-dangling") == 0 &&
		     mkfifo("t/fifo", 0644) == 0,
	     "links");
}

static void test_order(void)
{
	tap_string(walk_of("t"),
		   "t t/Z t/a t/b t/b/deep t/b/deep/z t/b/x t/b.txt t/c-dangling t/empty t/fifo "
		   "t/to-dir t/\xff",
		   "a directory comes before what is in it, names in the order of their bytes");
}

static void test_roots(void)
{
	tap_string(walk_of("t/a"), "t/a", "a file can be the root");
	tap_string(walk_of("t/b/"), "t/b/ t/b/deep t/b/deep/z t/b/x",
		   "a slash at the root's end is not doubled");
	tap_string(walk_of("t/to-dir"), "t/to-dir",
		   "a symbolic link to a directory is not followed");
	tap_string(walk_of("t/to-dir/"), "t/to-dir/ t/to-dir/deep t/to-dir/deep/z t/to-dir/x",
		   "unless a slash behind it says that the directory is meant");
	tap_string(walk_of("t/c-dangling"), "t/c-dangling", "a link to nowhere can be the root");
	tap_string(walk_of("t/fifo"), "t/fifo", "a FIFO can be the root, and nobody waits");
	tap_string(walk_of("t/none"), "t/none(ENOENT)", "a root that is not there is told");
	tap_string(walk_of("t/a/"), "t/a/(ENOTDIR)", "a file with a slash behind is told");
	tap_string(walk_of("t/empty"), "t/empty", "an empty directory is a walk of one");
	tap_string(walk_with("t/b", "shown", NULL), "shown shown/deep shown/deep/z shown/x",
		   "paths begin with the name that is to be shown");
	tap_string(walk_with("t/empty", "", NULL), "", "which may be empty");
	must(chdir("t/b") == 0, "chdir");
	tap_string(walk_of("."), ". ./deep ./deep/z ./x", "the root can be \".\"");
	must(chdir("../..") == 0, "chdir");
}

static void test_base(void)
{
	TX_FD base = open("t/b", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct align_walk walk;
	struct align_node node;
	struct tx_err err;

	tap_number(align_walk_open(&walk, base, "deep", "deep", &err), 0, "a walk begins");
	tap_ok(align_walk_next(&walk, &node, &err) == 1 && node.error == 0 &&
		       S_ISDIR(node.st.st_mode),
	       "the root is looked up in its base");
	align_walk_release(&walk);
	tap_ok(fcntl(base, F_GETFD) >= 0, "the base stays open");
}

static int wrong_nodes;

/* Whether all that a node says agrees with the disk. */
static void check_node(struct align_walk *walk, const struct align_node *node)
{
	static const char *const shown = "t/";
	struct stat st, named, opened;
	bool has_fd, good;

	(void)walk;
	good = lstat(node->path, &st) == 0 && st.st_ino == node->st.st_ino &&
	       st.st_mode == node->st.st_mode && st.st_size == node->st.st_size;
	good = good && fstatat(node->dirfd, node->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       named.st_ino == st.st_ino;
	has_fd = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
	good = good && (node->fd >= 0) == has_fd;
	good = good && (!has_fd || (fstat(node->fd, &opened) == 0 && opened.st_ino == st.st_ino));
	if (!strcmp(node->path, "t"))
		good = good && !strcmp(node->below, "");
	else
		good = good && !strcmp(node->below, node->path + strlen(shown));
	if (!good)
		printf("# wrong: %s, below the root: %s, fd %d\n", node->path, node->below,
		       node->fd);
	wrong_nodes += !good;
}

static void test_nodes(void)
{
	wrong_nodes = 0;
	walk_with("t", "t", check_node);
	tap_number(wrong_nodes, 0, "names, descriptors and stat of every node are the disk's");
	wrong_nodes = 0;
	walk_with("t/", "t/", check_node);
	tap_number(wrong_nodes, 0, "also behind a root with a slash");
}

static void skip_b(struct align_walk *walk, const struct align_node *node)
{
	if (!strcmp(node->name, "b"))
		align_walk_skip(walk);
}

static void skip_all(struct align_walk *walk, const struct align_node *node)
{
	(void)node;
	align_walk_skip(walk);
}

static void test_skip(void)
{
	tap_string(walk_with("t", "t", skip_b),
		   "t t/Z t/a t/b t/b.txt t/c-dangling t/empty t/fifo t/to-dir t/\xff",
		   "a skipped directory is given but not entered");
	tap_string(walk_with("t", "t", skip_all), "t", "a skipped root ends the walk");
}

/* ------------------------------------------------------------------ what happens meanwhile */

static void remove_meanwhile(struct align_walk *walk, const struct align_node *node)
{
	(void)walk;
	if (!strcmp(node->path, "gone/a"))
		must(unlink("gone/b") == 0 && unlink("gone/c") == 0 &&
			     symlink("x", "gone/c") == 0 && rmdir("gone/d") == 0 &&
			     symlink("../t", "gone/d") == 0 && unlink("gone/link") == 0,
		     "remove");
	if (!strcmp(node->path, "gone/e") && node->error == 0)
		must(rmdir("gone/e") == 0, "remove");
}

static void test_removed(void)
{
	must(mkdir("gone", 0755) == 0 && mkdir("gone/d", 0755) == 0 && mkdir("gone/e", 0755) == 0 &&
		     symlink("x", "gone/link") == 0,
	     "mkdir");
	room_write("gone/a", "");
	room_write("gone/b", "");
	room_write("gone/c", "");
	room_write("gone/z", "");
	tap_string(
		walk_with("gone", "gone", remove_meanwhile),
		"gone gone/a gone/b(ENOENT) gone/c gone/d gone/e gone/e(ENOENT) gone/link(ENOENT) "
		"gone/z",
		"what is removed or becomes a link during the walk is told, and the walk goes on");
}

static bool fifo_has_fd, file_was_entered;

static void change_kind(struct align_walk *walk, const struct align_node *node)
{
	(void)walk;
	if (!strcmp(node->path, "kind/a"))
		must(unlink("kind/b") == 0 && mkfifo("kind/b", 0644) == 0 &&
			     unlink("kind/c") == 0 && mkdir("kind/c", 0755) == 0 &&
			     mkdir("kind/c/in", 0755) == 0,
		     "change");
	if (!strcmp(node->path, "kind/b"))
		fifo_has_fd = node->fd >= 0 || !S_ISFIFO(node->st.st_mode);
	if (!strcmp(node->path, "kind/c/in"))
		file_was_entered = true;
}

static void test_changed_kind(void)
{
	must(mkdir("kind", 0755) == 0, "mkdir");
	room_write("kind/a", "");
	room_write("kind/b", "");
	room_write("kind/c", "");
	walk_with("kind", "kind", change_kind);
	tap_ok(!fifo_has_fd, "a file that became a FIFO is given as one, without a descriptor");
	tap_ok(file_was_entered, "a file that became a directory is entered");
}

/* As a user who may not read: 0 when the story is the expected one. */
static int walk_as_nobody(const char *want)
{
	if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
		return 2;
	walk_of("closed");
	if (strcmp(story, want))
		printf("# got  %s\n# want %s\n", story, want);
	fflush(stdout);
	return strcmp(story, want) != 0;
}

static void test_unreadable(void)
{
	int status = 1;
	pid_t child;

	must(mkdir("closed", 0755) == 0 && mkdir("closed/b", 0700) == 0 &&
		     mkdir("closed/list-only", 0755) == 0 && mkdir("closed/z", 0755) == 0,
	     "mkdir");
	room_write("closed/a", "");
	room_write("closed/b/hidden", "");
	room_write("closed/file", "");
	room_write("closed/list-only/x", "");
	room_write("closed/z/last", "");
	must(chmod("closed/b", 0) == 0 && chmod("closed/file", 0) == 0 &&
		     chmod("closed/list-only", 0444) == 0,
	     "chmod");
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(walk_as_nobody("closed closed/a closed/b(EACCES) closed/file(EACCES) "
				     "closed/list-only closed/list-only/x(EACCES) closed/z "
				     "closed/z/last"));
	waitpid(child, &status, 0);
	tap_ok(status == 0, "what cannot be opened or read is told, and the walk goes on");
}

/* ------------------------------------------------------------------ depth */

#define LEVELS 600

/* deep/d/d/d..., in every directory a file "z", which comes after "d". */
static void make_deep(const char *top, int levels)
{
	int dir;

	must(mkdir(top, 0755) == 0, "mkdir");
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < levels; i++) {
		int next;

		must(mkdirat(dir, "d", 0755) == 0 &&
			     close(openat(dir, "z", O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) == 0,
		     "go down");
		next = openat(dir, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		must(next >= 0 && close(dir) == 0, "go down");
		dir = next;
	}
	close(dir);
}

static int files, files_misplaced, directories;

static void count_deep(struct align_walk *walk, const struct align_node *node)
{
	struct stat st;

	(void)walk;
	story[0] = '\0';
	directories += node->error == 0 && S_ISDIR(node->st.st_mode);
	if (node->error || strcmp(node->name, "z"))
		return;
	/* They come from the bottom up: the first is the deepest. */
	files_misplaced += strlen(node->below) != (size_t)(LEVELS - 1 - files) * 2 + 1 ||
			   fstatat(node->dirfd, "z", &st, 0) < 0 || st.st_ino != node->st.st_ino;
	files++;
}

static void test_depth(void)
{
	struct rlimit before, few;

	make_deep("deep", LEVELS);
	must(getrlimit(RLIMIT_NOFILE, &before) == 0, "getrlimit");
	few = before;
	few.rlim_cur = 160;
	must(setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
	walk_with("deep", "deep", count_deep);
	setrlimit(RLIMIT_NOFILE, &before);
	tap_number(directories, LEVELS + 1, "a tree deeper than there are descriptors is walked");
	tap_number(files, LEVELS, "and what comes after each depth too");
	tap_number(files_misplaced, 0, "each in its own directory");
	tap_string(story, "", "without an error");
}

static bool moved;

/* From the bottom the directory at level 20, long closed, goes elsewhere. */
static void move_away(struct align_walk *walk, const struct align_node *node)
{
	char path[64] = "moving";

	(void)walk;
	story[0] = '\0';
	if (moved || strcmp(node->name, "z"))
		return;
	for (int i = 0; i < 20; i++)
		strcat(path, "/d");
	moved = rename(path, "elsewhere") == 0;
}

static void test_moved(void)
{
	make_deep("moving", 200);
	tap_string(walk_with("moving", "moving", move_away), " broke: ESTALE",
		   "a walk whose way back was moved elsewhere ends with an error");
	tap_ok(moved, "(it was moved)");
}

/* ------------------------------------------------------------------ what may be set */

static void set_follow(struct align_walk *walk)
{
	walk->follow = true;
}

static void set_by_inode(struct align_walk *walk)
{
	walk->by_inode = true;
}

static bool is_not_b(void *data, const char *path)
{
	(*(int *)data)++;
	return strcmp(path, "set/b") != 0;
}

static int asked;

static void set_wants(struct align_walk *walk)
{
	walk->wants = is_not_b;
	walk->data = &asked;
}

static bool is_nothing(void *data, const char *path)
{
	(void)data;
	(void)path;
	return false;
}

static void set_wants_nothing(struct align_walk *walk)
{
	walk->wants = is_nothing;
}

static const char *walk_set(const char *root, void (*set)(struct align_walk *walk))
{
	struct align_walk walk;
	struct align_node node;
	struct tx_err err;

	story[0] = '\0';
	align_walk_open(&walk, AT_FDCWD, root, root, &err);
	set(&walk);
	while (align_walk_next(&walk, &node, &err) > 0)
		tell_node(&node);
	align_walk_release(&walk);
	return story;
}

/* Names in an order that is not that of their inodes. */
static bool make_unsorted(void)
{
	struct stat a, b;

	must(mkdir("unsorted", 0755) == 0, "mkdir");
	room_write("unsorted/b", "");
	room_write("unsorted/a", "");
	must(stat("unsorted/a", &a) == 0 && stat("unsorted/b", &b) == 0, "stat");
	return a.st_ino > b.st_ino;
}

/* Nobody finds the way back from where a link led: no descriptor may be given up for it. */
static void test_follow_deep(void)
{
	size_t len, steps = 0;

	make_deep("far", 45);
	must(mkdir("far-link", 0755) == 0 && symlink("../far", "far-link/in") == 0, "symlink");
	room_write("far-link/z-last", "");
	walk_set("far-link", set_follow);
	len = strlen(story);
	for (const char *at = story; (at = strstr(at, "/d")); at++)
		steps++;
	tap_ok(steps > 45 && len > 16 && !strcmp(story + len - 16, " far-link/z-last"),
	       "from 45 directories below a link the walk comes back");
}

static void test_set(void)
{
	must(mkdir("set", 0755) == 0 && mkdir("set/b", 0755) == 0 && mkdir("set/b/c", 0755) == 0,
	     "mkdir");
	room_write("set/a", "");
	room_write("set/b/x", "");
	tap_string(walk_set("set", set_wants), "set set/a",
		   "what is not wanted is not given, nor what is below");
	tap_number(asked, 3, "and nobody asks for what is below");
	tap_string(walk_set("set", set_wants_nothing), "", "a root may be unwanted");

	must(symlink("..", "set/b/c/up") == 0 && symlink("nowhere", "set/b/y") == 0 &&
		     symlink("x", "set/b/z") == 0 && symlink("b/c", "set/link") == 0,
	     "symlink");
	tap_string(
		walk_set("set", set_follow),
		"set set/a set/b set/b/c set/b/c/up(ELOOP) set/b/x set/b/y(ENOENT) set/b/z "
		"set/link set/link/up set/link/up/c(ELOOP) set/link/up/x set/link/up/y(ENOENT) "
		"set/link/up/z",
		"links are followed, but not to where the walk is");
	if (make_unsorted())
		tap_string(walk_set("unsorted", set_by_inode), "unsorted unsorted/b unsorted/a",
			   "by inode: in their order");
	else
		tap_skip("by inode: in their order", "inodes are given in another one here");
	test_follow_deep();
}

/* ------------------------------------------------------------------ descriptors */

static int open_descriptors(void)
{
	return (int)room_count("/proc/self/fd");
}

static void test_descriptors(void)
{
	int before = open_descriptors();
	struct align_walk walk;
	struct align_node node;
	struct tx_err err;

	walk_of("t");
	tap_number(open_descriptors(), before, "a walk leaves no descriptor behind");
	align_walk_open(&walk, AT_FDCWD, "t", "t", &err);
	for (int i = 0; i < 5; i++)
		align_walk_next(&walk, &node, &err);
	align_walk_release(&walk);
	tap_number(open_descriptors(), before, "nor one that is given up half way");
}

int main(void)
{
	room_open();
	make_tree();
	test_order();
	test_roots();
	test_base();
	test_nodes();
	test_skip();
	test_removed();
	test_changed_kind();
	test_unreadable();
	test_depth();
	test_moved();
	test_set();
	test_descriptors();
	room_close();
	return tap_done();
}
