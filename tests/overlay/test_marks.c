#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/marks.h"
#include "tests/lib/scene.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *promise, *name;
	enum overlay_xattr kind;
} names[] = {
	{ "a foreign name is none", "user.mime_type", OVERLAY_XATTR_NONE },
	{ "a name that only begins alike is none", "trusted.overlayfs", OVERLAY_XATTR_NONE },
	{ "a name in another namespace is none", "security.overlay.opaque", OVERLAY_XATTR_NONE },
	{ "trusted opaque is known", "trusted.overlay.opaque", OVERLAY_XATTR_OPAQUE },
	{ "user opaque is known", "user.overlay.opaque", OVERLAY_XATTR_OPAQUE },
	{ "redirect is known", "trusted.overlay.redirect", OVERLAY_XATTR_REDIRECT },
	{ "metacopy is known", "user.overlay.metacopy", OVERLAY_XATTR_METACOPY },
	{ "whiteout is known", "trusted.overlay.whiteout", OVERLAY_XATTR_WHITEOUT },
	{ "origin is bound to its host", "trusted.overlay.origin", OVERLAY_XATTR_BOUND },
	{ "impure is bound", "user.overlay.impure", OVERLAY_XATTR_BOUND },
	{ "nlink is bound", "trusted.overlay.nlink", OVERLAY_XATTR_BOUND },
	{ "uuid is bound", "trusted.overlay.uuid", OVERLAY_XATTR_BOUND },
	{ "an unknown name is bound", "trusted.overlay.future", OVERLAY_XATTR_BOUND },
	{ "a longer name is not the shorter one", "trusted.overlay.opaque2", OVERLAY_XATTR_BOUND },
	{ "an empty name is bound", "trusted.overlay.", OVERLAY_XATTR_BOUND },
	{ "a nested overlay's name is escaped", "trusted.overlay.overlay.opaque",
	  OVERLAY_XATTR_ESCAPED },
	{ "fuse-overlayfs has an opaque mark of its own", "user.fuseoverlayfs.opaque",
	  OVERLAY_XATTR_OPAQUE },
	{ "and others, which are bound", "user.fuseoverlayfs.origin", OVERLAY_XATTR_BOUND },
	{ "a twice nested one too", "user.overlay.overlay.overlay.x", OVERLAY_XATTR_ESCAPED },
};

static const struct {
	const char *promise, *name;
	enum overlay_fuse_name says;
} fuse_names[] = {
	{ "a plain name is a file", "file", OVERLAY_FUSE_FILE },
	{ "one with a dot too", ".whale", OVERLAY_FUSE_FILE },
	{ "one with the prefix is a removal", ".wh.file", OVERLAY_FUSE_REMOVED },
	{ "of a name with a dot too", ".wh..file", OVERLAY_FUSE_REMOVED },
	{ "the prefix alone removes nothing", ".wh.", OVERLAY_FUSE_FILE },
	{ "the opaque mark is none", ".wh..wh..opq", OVERLAY_FUSE_OPAQUE },
	{ "nor is its whiteout", ".wh..opq", OVERLAY_FUSE_OPAQUE },
};

static void test_names(void)
{
	for (size_t i = 0; i < sizeof(fuse_names) / sizeof(*fuse_names); i++)
		tap_number(overlay_fuse_name(fuse_names[i].name), fuse_names[i].says,
			   "fuse-overlayfs: %s", fuse_names[i].promise);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		tap_number(overlay_xattr_kind(names[i].name), names[i].kind, "%s",
			   names[i].promise);
}

enum { NOTHING = 0, WHITEOUT = 1, OPAQUE = 2, REDIRECT = 4, METACOPY = 8, XATTR_WHITEOUTS = 16 };

/* The marks of NAME in DIR, or the negative error. */
static int marks_of(const char *dir, const char *name, bool userxattr, bool in_x)
{
	struct overlay_marks m;
	struct tx_err err;
	struct stat st;
	const char *path = scene_path("%s/%s", dir, name);
	int fd, r;

	r = lstat(path, &st) < 0 ? -errno : 0;
	fd = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (r == 0)
		r = overlay_marks_read(&m, fd, &st, userxattr, in_x, &err);
	close(fd);
	if (r < 0)
		return r;
	return (m.whiteout ? WHITEOUT : 0) | (m.opaque ? OPAQUE : 0) | (m.redirect ? REDIRECT : 0) |
	       (m.metacopy ? METACOPY : 0) | (m.xattr_whiteouts ? XATTR_WHITEOUTS : 0);
}

static bool metacopy_of(const char *dir, const char *name, bool userxattr)
{
	int fd = open(scene_path("%s/%s", dir, name), O_RDONLY | O_CLOEXEC);
	int r = overlay_marks_metacopy(fd, userxattr);

	close(fd);
	return r == 1;
}

static const struct {
	const char *promise, *name;
	int trusted, user; /* want, on a mount without and with userxattr */
} written[] = {
	{ "a removed file is a whiteout", "gone", WHITEOUT, WHITEOUT },
	{ "a replaced directory is opaque", "replaced", OPAQUE, OPAQUE },
	{ "a renamed directory is redirected", "moved2", REDIRECT, -ENOENT },
	{ "a directory that was only written to has no marks", "kept", NOTHING, NOTHING },
	{ "a changed owner is a metacopy", "chowned", METACOPY, NOTHING },
	{ "a metacopy that was renamed is redirected", "went2", METACOPY | REDIRECT, NOTHING },
	{ "a copied up file has no marks", "written", NOTHING, NOTHING },
	{ "a symbolic link has no marks, whatever it points to", "link", NOTHING, NOTHING },
	{ "a device that is not 0:0 is no whiteout", "null", NOTHING, NOTHING },
};

static bool write_upper(const char *fs, bool userxattr)
{
	return scene_run(
		"cd $DIR/%s; mkdir upper work merged lower; cd lower\n"
		"echo bytes >gone; mkdir replaced moved kept; echo x >replaced/x\n"
		"for f in chowned went written; do echo bytes >$f; done\n"
		"cd ..; mount -t overlay overlay -o lowerdir=$PWD/lower\\\n"
		",upperdir=$PWD/upper,workdir=$PWD/work,%s merged; cd merged\n"
		"rm gone; rm -r replaced; mkdir replaced; echo y >replaced/y; echo z >kept/z\n"
		"%s; chown 7 chowned went; mv went went2; echo more >>written\n"
		"ln -s replaced link; mknod null c 1 3; cd ..; umount merged\n",
		fs, userxattr ? "userxattr" : "redirect_dir=on,metacopy=on",
		userxattr ? ":" : "mv moved moved2");
}

static void test_written(const char *fs, bool userxattr)
{
	char upper[64];

	snprintf(upper, sizeof(upper), "%s/upper", fs);
	if (!tap_ok(write_upper(fs, userxattr), "%s: an overlay can be written to", fs))
		return;
	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++)
		tap_number(marks_of(upper, written[i].name, userxattr, false),
			   userxattr ? written[i].user : written[i].trusted, "%s%s: %s", fs,
			   userxattr ? ", userxattr" : "", written[i].promise);
	tap_number(metacopy_of(upper, "chowned", userxattr), !userxattr,
		   "%s: an open file tells whether it is a metacopy", fs);
	tap_ok(!metacopy_of(upper, "written", userxattr), "%s: an open file with bytes is none",
	       fs);
	tap_number(marks_of(upper, "replaced", !userxattr, false), NOTHING,
		   "%s: a mark of the other prefix is not seen", fs);
	scene_run("cd $DIR/%s; rm -rf upper work merged lower\n", fs);
}

static void test_xattr_whiteouts(void)
{
	scene_run("cd $DIR/xfs; mkdir x y long; cd x; : >white; : >empty; echo b >full; cd ..\n"
		  "setfattr -n trusted.overlay.opaque -v x x\n"
		  "setfattr -n trusted.overlay.opaque -v yy long\n"
		  "setfattr -n trusted.overlay.whiteout -v y x/white\n"
		  "setfattr -n trusted.overlay.whiteout -v y x/full\n");
	tap_number(marks_of("xfs", "x", false, false), XATTR_WHITEOUTS,
		   "an x says that whiteouts may be xattrs, and hides nothing");
	tap_number(marks_of("xfs", "long", false, false), NOTHING,
		   "an opaque mark of two bytes is none");
	tap_number(marks_of("xfs/x", "white", false, true), WHITEOUT,
		   "an empty file with the xattr is a whiteout in a directory with x");
	tap_number(marks_of("xfs/x", "white", false, false), NOTHING, "and in no other");
	tap_number(marks_of("xfs/x", "empty", false, true), NOTHING,
		   "an empty file without the xattr is a file");
	tap_number(marks_of("xfs/x", "full", false, true), NOTHING,
		   "a file with bytes is never a whiteout");
}

static const struct {
	const char *promise, *value, *want;
} redirects[] = {
	{ "a name in the same directory", "old", "old" },
	{ "a path from the root", "/a/b c", "/a/b c" },
	{ "a name that begins with dots", "..a", "..a" },
	{ "no name is none", "", "EINVAL" },
	{ "the root itself is none", "/", "EINVAL" },
	{ "a path from the directory is none", "a/b", "EINVAL" },
	{ "a path with an empty name is none", "/a//b", "EINVAL" },
	{ "a path that ends in a slash is none", "/a/", "EINVAL" },
	{ "the directory itself is none", ".", "EINVAL" },
	{ "the one above is none", "..", "EINVAL" },
	{ "one above on the way is none", "/a/../b", "EINVAL" },
	{ "one with a NUL is none", "a\\000b", "EINVAL" },
};

static const char *redirect_of(const char *name)
{
	TX_FD fd = open(scene_path("xfs/%s", name), O_RDONLY | O_CLOEXEC);
	static char got[256];
	char *path;
	int r = overlay_marks_redirect(fd, false, &path);

	snprintf(got, sizeof(got), "%s", r < 0 ? strerrorname_np(-r) : r == 0 ? "(none)" : path);
	free(path);
	return got;
}

static void test_redirects(void)
{
	scene_run("mkdir $DIR/xfs/named\n");
	tap_string(redirect_of("named"), "(none)", "a redirect: without the mark there is none");
	for (size_t i = 0; i < sizeof(redirects) / sizeof(*redirects); i++) {
		scene_run("setfattr -n trusted.overlay.redirect -v \"$(printf '%%s' '%s')\" "
			  "$DIR/xfs/named\n",
			  redirects[i].value);
		tap_string(redirect_of("named"), redirects[i].want, "a redirect: %s",
			   redirects[i].promise);
	}
	scene_run("cd $DIR/xfs; long=$(printf '%%0256d' 1)\n"
		  "setfattr -n trusted.overlay.redirect -v $long named\n");
	tap_string(redirect_of("named"), "EINVAL", "a redirect: too long a name is none");
}

static bool is_opaque(const char *name, bool userxattr, bool fuse)
{
	TX_FD fd = open(scene_path("xfs/%s", name), O_RDONLY | O_CLOEXEC);
	bool opaque = false;

	return overlay_marks_opaque(fd, userxattr, fuse, &opaque) == 0 && opaque;
}

static void test_opaque(void)
{
	scene_run("cd $DIR/xfs; mkdir plain o.trusted o.user o.fuse o.file o.x\n"
		  "setfattr -n trusted.overlay.opaque -v y o.trusted\n"
		  "setfattr -n user.overlay.opaque -v y o.user\n"
		  "setfattr -n user.fuseoverlayfs.opaque -v y o.fuse; : >o.file/.wh..wh..opq\n"
		  "setfattr -n trusted.overlay.opaque -v x o.x\n");
	tap_ok(!is_opaque("plain", false, true), "a directory without marks is not opaque");
	tap_ok(is_opaque("o.trusted", false, false) && !is_opaque("o.trusted", true, false),
	       "one with the trusted mark is, to whom that means something");
	tap_ok(is_opaque("o.user", true, false) && !is_opaque("o.user", false, false),
	       "one with the user's mark too");
	tap_ok(!is_opaque("o.x", false, false), "an x hides nothing");
	tap_ok(is_opaque("o.fuse", false, true) && !is_opaque("o.fuse", false, false),
	       "fuse-overlayfs' own mark means something to it alone");
	tap_ok(is_opaque("o.file", false, true) && !is_opaque("o.file", false, false),
	       "and so does its file");
	tap_ok(is_opaque("o.user", false, true), "which also knows the user's");
}

int main(void)
{
	test_names();
	if (scene_open("marks are read as overlayfs wrote them")) {
		for (int userxattr = 0; userxattr < 2; userxattr++) {
			test_written("xfs", userxattr);
			test_written("btrfs", userxattr);
		}
		test_xattr_whiteouts();
		test_redirects();
		test_opaque();
		scene_close();
	}
	return tap_done();
}
