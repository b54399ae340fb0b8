/* Layers that are named by their own directory. */
#include "align/cleanup.h"
#include "overlay/source.h"
#include "overlay/stack.h"
#include "tests/lib/scene.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void clear(void)
{
	scene_run("cd $DIR/xfs; for m in covered bound merged home/top/merged; do\n"
		  "while mountpoint -q $m; do umount $m; done; done; rm -rf *\n");
}

/* Of the layer that PATH names: its path within, then a letter each: U, the upper, f, of fuse-overlayfs, M, the merged view can
 * be opened; L, the lowers are known; u, userxattr; then the lowers, "-" for one out of reach. */
static const char *layer_of(const char *path)
{
	static char got[512];
	TX_FD fd = scene_fd(scene_path("xfs/%s", path));
	TX_FREE char *rel = NULL;
	struct overlay_stack s;
	struct tx_err err;
	int r = overlay_stack_open_layer(&s, fd, &rel, &err);

	if (r <= 0)
		return r < 0 ? strerrorname_np(-r) : "none";
	r = snprintf(got, sizeof(got), "[%s]%s%s%s%s%s", rel, s.has_upper ? "U" : "",
		     s.fuse ? "f" : "", s.root >= 0 ? "M" : "", s.lowers_known ? "L" : "",
		     s.userxattr ? "u" : "");
	for (size_t i = 1; i < s.count; i++)
		got[r++] = s.layers[i].fd < 0 ? '-' : '+';
	got[r] = '\0';
	overlay_stack_release(&s);
	return got;
}

static bool prepare(void)
{
	clear();
	return scene_run("cd $DIR/xfs; mkdir -p upper work l1 l2/d merged bound; W=$PWD\n"
			 "mount -t overlay overlay -o "
			 "lowerdir=$W/l1:$W/l2,upperdir=$W/upper,workdir=$W/work merged\n"
			 "mkdir -p merged/new/sub\n");
}

static void test_mounted(void)
{
	if (!prepare())
		return;
	tap_string(layer_of("upper"), "[]UML++", "the upper of a mounted overlay");
	tap_string(layer_of("upper/new/sub"), "[new/sub]UML++", "and what is in it");
	tap_string(layer_of("work"), "none", "its work directory is no layer");
	tap_string(layer_of("l1"), "none", "nor is a lower");
	tap_string(layer_of("."), "none", "nor what the upper lies in");
	scene_run("cd $DIR/xfs; mount --bind merged bound; umount merged\n");
	tap_string(layer_of("upper"), "[]UML++", "wherever it is mounted");
	scene_run("cd $DIR/xfs; mount --bind upper merged\n");
	tap_string(layer_of("merged/new"), "[new]UML++", "the upper mounted elsewhere");
	scene_run("cd $DIR/xfs; umount merged; mount --bind bound/new merged; umount bound\n");
	tap_string(layer_of("upper"), "[]U", "a mount of a part of it is not enough");
	clear();
	scene_run("cd $DIR/xfs; mkdir -p upper work l1 merged; W=$PWD\n"
		  "mount -t overlay overlay -o "
		  "userxattr,lowerdir=$W/l1,upperdir=$W/upper,workdir=$W/work merged\n");
	tap_string(layer_of("upper"), "[]UMLu+", "marks are those of the mount");
}

static void test_marked(void)
{
	if (!prepare())
		return;
	scene_run("cd $DIR/xfs; umount merged\n");
	tap_string(layer_of("upper"), "[]U", "an upper that is mounted no more, by its marks");
	tap_string(layer_of("upper/new"), "[new]U", "and what is in it");
	scene_run("cd $DIR/xfs; setfattr -x trusted.overlay.uuid upper 2>/dev/null || :\n"
		  "setfattr -x trusted.overlay.impure upper 2>/dev/null || :\n"
		  "setfattr -n user.overlay.impure -v y upper\n");
	tap_string(layer_of("upper"), "[]Uu", "marks of the user's sort are known");
	tap_string(layer_of("l1"), "none", "a directory without marks is none");
}

static void test_storage(void)
{
	clear();
	scene_run("cd $DIR/xfs; mkdir -p home/l home/top/diff/x home/top/work home/top/merged\n"
		  "mkdir -p home/low/diff/y; cd home; printf TOP >top/link; printf LOW >low/link\n"
		  "ln -s ../top/diff l/TOP; ln -s ../low/diff l/LOW; printf l/LOW >top/lower\n");
	tap_string(layer_of("home/top"), "[]UML+", "a layer's directory in container storage");
	tap_string(layer_of("home/top/diff/x"), "[x]UML+", "and what is in its diff");
	tap_string(layer_of("home/top/work"), "none", "its other directories are not");
	tap_string(layer_of("home"), "none", "nor is the folder of all");
	tap_string(layer_of("home/low"), "[]UL", "the lowest layer has nothing to be merged with");
	scene_run("chown 7 $DIR/xfs/home/top\n");
	tap_string(layer_of("home/top"), "[]UMLu+", "what is not root's has marks of the user");
	scene_run("cd $DIR/xfs/home; chown 0 top; printf true >.has-mount-program\n");
	tap_string(layer_of("home/top"), "[]UfL+",
		   "another program's layers the kernel cannot show");
	scene_run("printf false >$DIR/xfs/home/.has-mount-program\n");
	tap_string(layer_of("home/top"), "[]UML+", "the kernel's it can");
	scene_run("cd $DIR/xfs; mv home/low/diff home/low/away\n");
	tap_string(layer_of("home/top"), "[]UL-", "a lower out of reach: nothing shows the layers");
	scene_run(
		"cd $DIR/xfs/home; mv low/away low/diff; mount -t overlay overlay -o "
		"lowerdir=$PWD/low/diff,upperdir=$PWD/top/diff,workdir=$PWD/top/work top/merged\n");
	tap_string(layer_of("home/top"), "[]UML+", "the same where it is mounted");
	tap_string(layer_of("home/top/diff/x"), "[x]UML+", "and in its diff");
	scene_run("cd $DIR/xfs/home; umount top/merged; printf l/LOW:/etc >top/lower\n");
	tap_string(layer_of("home/top"), "EINVAL", "a list of layers that makes no sense");
}

/* Many layers, deep directories, and few descriptors. */
static void test_few_descriptors(void)
{
	struct rlimit limit, few;
	struct overlay_stack s;
	struct overlay_finder finder;
	struct tx_err err;
	TX_FD root = -1;
	int found = 0;

	clear();
	scene_run(
		"cd $DIR/xfs; mkdir merged; for l in 1 2 3 4 5 6 7 8 9 10 11 12; do\n"
		"d=$l; for n in a b c d e f g h i j k l; do d=$d/$n; mkdir -p $d; echo $l >$d/of-$l\n"
		"done; done; mount -i -t overlay overlay -o "
		"lowerdir=1:2:3:4:5:6:7:8:9:10:11:12 merged\n");
	root = scene_fd(scene_path("xfs/merged"));
	getrlimit(RLIMIT_NOFILE, &limit);
	few = limit;
	few.rlim_cur = 100;
	setrlimit(RLIMIT_NOFILE, &few);
	if (overlay_stack_open(&s, root, &err) != 1)
		return;
	overlay_finder_init(&finder, &s);
	for (int depth = 23; depth > 0; depth -= 2) {
		for (int layer = 1; layer <= 12; layer++) {
			char rel[64];
			TX_FD merged = -1, fd = -1;
			struct stat st;

			snprintf(rel, sizeof(rel), "%.*s/of-%d", depth, "a/b/c/d/e/f/g/h/i/j/k/l",
				 layer);
			merged = openat(root, rel, O_RDONLY | O_CLOEXEC);
			if (merged < 0 || fstat(merged, &st) < 0)
				continue;
			fd = overlay_source_open(&finder, rel, merged, &st);
			found += fd >= 0;
		}
	}
	tap_number(found, 12 * 12, "deep in many layers few descriptors are enough");
	tap_ok(finder.open <= finder.open_max + 2 * s.count, "and few are taken: %zu", finder.open);
	overlay_finder_release(&finder);
	overlay_stack_release(&s);
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void)
{
	if (scene_open("a layer is named by its directory")) {
		test_mounted();
		test_marked();
		test_storage();
		test_few_descriptors();
		clear();
		scene_close();
	}
	return tap_done();
}
