#include "align/cleanup.h"
#include "overlay/mountinfo.h"
#include "overlay/stack.h"
#include "tests/lib/scene.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *promise, *text, *octal, *plain;
} escapes[] = {
	{ "a plain name stays", "/a/b", "/a/b", "/a/b" },
	{ "mountinfo's escapes are octal", "\\040\\011\\012\\054", " \t\n,", " \t\n," },
	{ "an escaped backslash begins no second escape", "\\134040", "\\040", "040" },
	{ "overlayfs escapes a colon", "a\\134:b", "a\\:b", "a:b" },
	{ "a comma is escaped by both", "a\\134\\054b", "a\\,b", "a,b" },
	{ "a backslash is doubled by overlayfs", "a\\134\\134b", "a\\\\b", "a\\b" },
	{ "bytes over 127 stay", "\303\244\\303\\244", "\303\244\303\244", "\303\244\303\244" },
	{ "too few digits are no escape", "\\04", "\\04", "04" },
	{ "a backslash at the end is dropped, as overlayfs does", "a\\", "a\\", "a" },
	{ "nothing stays nothing", "", "", "" },
};

static void test_escapes(void)
{
	for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", escapes[i].text);
		overlay_octal_decode(text);
		tap_string(text, escapes[i].octal, "%s", escapes[i].promise);
		overlay_unescape(text);
		tap_string(text, escapes[i].plain, "%s, then plain", escapes[i].promise);
	}
}

static const struct {
	const char *promise, *line;
	/* "id major:minor root point type options", or "" for no line */
	const char *want;
} lines[] = {
	{ "a line is cut up", "36 35 98:0 /sub /mnt rw,x - overlay src ro,lowerdir=/a\n",
	  "36 98:0 /sub /mnt overlay ro,lowerdir=/a" },
	{ "optional fields are passed over", "1 2 0:41 / /m rw shared:1 master:2 x - btrfs d rw",
	  "1 0:41 / /m btrfs rw" },
	{ "a space in a path is decoded", "1 2 0:41 /a\\040b /c\\134d rw - overlay o rw",
	  "1 0:41 /a b /c\\d overlay rw" },
	{ "the options keep their escapes", "1 2 0:1 / /m rw - overlay o lowerdir=/a\\054b",
	  "1 0:1 / /m overlay lowerdir=/a\\054b" },
	{ "a source without a name is one", "1 2 0:1 / /m rw - overlay  rw",
	  "1 0:1 / /m overlay rw" },
	{ "a line that stops early is none", "1 2 0:1 / /m rw - overlay o", "" },
	{ "a line without the dash is none", "1 2 0:1 / /m rw overlay o rw", "" },
	{ "a line without a number is none", "x 2 0:1 / /m rw - overlay o rw", "" },
	{ "a device without a colon is none", "1 2 01 / /m rw - overlay o rw", "" },
	{ "an empty line is none", "", "" },
};

static void test_lines(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct overlay_mount_line m;
		char line[256], got[256] = "";

		snprintf(line, sizeof(line), "%s", lines[i].line);
		if (overlay_mount_line_parse(&m, line))
			snprintf(got, sizeof(got), "%ju %u:%u %s %s %s %s", (uintmax_t)m.id,
				 m.major, m.minor, m.root, m.point, m.type, m.options);
		tap_string(got, lines[i].want, "%s", lines[i].promise);
	}
}

static const struct {
	const char *promise, *options;
	/* lowers, data-only ones with a "*", then the upper after a "^" and flags */
	const char *want;
} told[] = {
	{ "one lower", "ro,lowerdir=/a", "[/a]" },
	{ "lowers in order", "lowerdir=/a:/b:/c", "[/a][/b][/c]" },
	{ "an upper", "rw,lowerdir=/a,upperdir=/u,workdir=/w", "[/a]^/u" },
	{ "an escaped colon does not separate", "lowerdir=/a\\134:b:/c", "[/a:b][/c]" },
	{ "a doubled backslash leaves the colon alone", "lowerdir=/a\\134\\134:/c", "[/a\\][/c]" },
	{ "a comma in a name does not separate", "lowerdir=/a\\134\\054userxattr",
	  "[/a,userxattr]" },
	{ "a double colon begins the data", "lowerdir=/a:/b::/c::/d", "[/a][/b][*/c][*/d]" },
	{ "lowerdir+ has no escapes of overlayfs", "lowerdir+=/a:b,lowerdir+=/c\\134d",
	  "[/a:b][/c\\d]" },
	{ "datadir+ is data", "lowerdir+=/a,datadir+=/b", "[/a][*/b]" },
	{ "an upper is left as shown", "lowerdir=/a,upperdir=/u\\134:x", "[/a]^/u\\:x" },
	{ "userxattr is seen", "lowerdir=/a,userxattr", "[/a] userxattr" },
	{ "index is seen", "lowerdir=/a,index=on", "[/a] index=2" },
	{ "index=off is seen", "lowerdir=/a,index=off", "[/a] index=1" },
	{ "other options are not minded", "rw,seclabel,lowerdir=/a,uuid=on,xino=off", "[/a]" },
	{ "a key that only begins alike is another", "lowerdir=/a,upperdirs=/u,userxattrs",
	  "[/a]" },
	{ "no lower is refused", "rw,upperdir=/u", "error" },
	{ "an empty lower is refused", "lowerdir=/a:", "error" },
	{ "an empty list is refused", "lowerdir=", "error" },
};

static void describe(char *out, size_t room, const struct overlay_options *o)
{
	FILE *to = fmemopen(out, room, "w");

	for (size_t i = 0; i < o->count; i++)
		fprintf(to, "[%s%s]", o->lowers[i].data_only ? "*" : "", o->lowers[i].path);
	if (o->upper)
		fprintf(to, "^%s", o->upper);
	if (o->userxattr)
		fputs(" userxattr", to);
	if (o->index != OVERLAY_INDEX_DEFAULT)
		fprintf(to, " index=%d", (int)o->index);
	fclose(to);
}

static void test_options(void)
{
	for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++) {
		struct overlay_options o;
		char got[256] = "error";

		if (overlay_options_parse(&o, told[i].options) == 0)
			describe(got, sizeof(got), &o);
		overlay_options_release(&o);
		tap_string(got, told[i].want, "%s", told[i].promise);
	}
}

/* Opens the stack of PATH; on failure S is empty. */
static int open_at(struct overlay_stack *s, struct tx_err *err, const char *path)
{
	TX_FD fd = scene_fd(path);
	int r = overlay_stack_open(s, fd, err);

	if (r < 0)
		printf("# %s\n", err->text);
	return r;
}

/* The layers of the overlay at PATH, a character each: the index of the directory among NAMES,
 * which NULL ends; "-" for one out of reach, "?" for one that is not among them. */
static const char *layers_of(const char *path, const char *const *names)
{
	static char got[256];
	struct overlay_stack s;
	struct tx_err err;
	size_t n = 0;

	if (open_at(&s, &err, path) != 1)
		return "error";
	for (; n < s.count && n < sizeof(got) - 1; n++) {
		got[n] = s.layers[n].fd < 0 ? '-' : '?';
		for (int k = 0; names[k]; k++) {
			TX_FD fd = scene_fd(names[k]);

			if (fd >= 0 && s.layers[n].fd >= 0 && scene_same_file(fd, s.layers[n].fd))
				got[n] = (char)('0' + k);
		}
	}
	got[n] = '\0';
	overlay_stack_release(&s);
	return got;
}

static int code_of(const char *path)
{
	struct overlay_stack s;
	struct tx_err err;
	int r = open_at(&s, &err, path);

	overlay_stack_release(&s);
	return r;
}

static void clear(void)
{
	scene_run("cd $DIR/xfs; for m in bound merged; do\n"
		  "while mountpoint -q $m; do umount $m; done; done; rm -rf *\n");
}

static bool prepare(const char *options)
{
	clear();
	return scene_run("cd $DIR/xfs; W=$PWD\n"
			 "mkdir -p merged bound upper work l1/low l2/dir/sub l3\n"
			 "echo x >l2/file; mount -t overlay overlay -o \"%s\" merged\n",
			 options) ||
	       tap_ok(false, "mount %s", options);
}

#define WRITABLE "lowerdir=$W/l1:$W/l2:$W/l3,upperdir=$W/upper,workdir=$W/work"

static const char *const plain_names[] = { "xfs/upper", "xfs/l1", "xfs/l2", "xfs/l3", NULL };

static void test_layers(void)
{
	tap_number(code_of("xfs"), 0, "a directory on no overlay is not one");
	if (!prepare(WRITABLE))
		return;
	tap_string(layers_of("xfs/merged", plain_names), "0123",
		   "the upper, then the lowers in order");
	tap_string(layers_of("xfs/merged/file", plain_names), "0123", "a file leads there too");
	tap_string(layers_of("xfs/merged/dir/sub", plain_names), "0123", "and a directory below");
	if (prepare("lowerdir=$W/l2:$W/l1"))
		tap_string(layers_of("xfs/merged", plain_names), "21", "a mount without an upper");
	scene_run("cd $DIR/xfs; mv l1 gone\n");
	tap_string(layers_of("xfs/merged", plain_names), "2-",
		   "a lower that is gone is out of reach");
	scene_run("cd $DIR/xfs; mv l2 l2away; mkdir l2\n");
	tap_string(layers_of("xfs/merged", plain_names), "--",
		   "a stranger in the place of the top layer is out of reach");
	clear();
	scene_run("cd $DIR/xfs; mkdir merged upper work l1\n"
		  "mount -i -t overlay overlay "
		  "-o lowerdir=l1,upperdir=$PWD/upper,workdir=work merged\n");
	tap_string(layers_of("xfs/merged", plain_names), "0-", "a relative lower is out of reach");
}

static const char *const relative_names[] = { "xfs/home/1/upper", "xfs/home/l/x", NULL };

static void test_upper(void)
{
	if (!prepare(WRITABLE))
		return;
	scene_run("cd $DIR/xfs; mv upper away\n");
	tap_number(code_of("xfs/merged"), -ENOENT, "an upper that was renamed is an error");
	scene_run("cd $DIR/xfs; cp -a away upper; touch -r away upper\n");
	tap_number(code_of("xfs/merged"), -ESTALE, "a copy in its place is an error");
	scene_run("cd $DIR/xfs; rm -r upper; mv away upper; mount -t tmpfs t upper\n");
	tap_number(code_of("xfs/merged"), -ESTALE, "a file system mounted over it is an error");
	scene_run("cd $DIR/xfs; umount upper\n");
	tap_number(code_of("xfs/merged"), 1, "and when all is undone it opens");
	clear();
	scene_run("cd $DIR/xfs; mkdir -p home/1/merged home/l/x home/1/upper home/1/work\n"
		  "cd home; mount -i -t overlay overlay "
		  "-o lowerdir=l/x,upperdir=1/upper,workdir=1/work 1/merged\n");
	tap_string(layers_of("xfs/home/1/merged", relative_names), "01",
		   "relative paths from a folder above the mount point are found");
	scene_run("cd $DIR/xfs/home; mv 1/upper 1/away; cp -a 1/away 1/upper\n");
	tap_number(code_of("xfs/home/1/merged"), -EINVAL, "a copy in the place of one is not");
	scene_run("cd $DIR/xfs/home; umount 1/merged; mkdir ../merged\n"
		  "mount -i -t overlay overlay "
		  "-o lowerdir=l/x,upperdir=1/upper,workdir=1/work ../merged\n");
	tap_number(code_of("xfs/merged"), -EINVAL, "from elsewhere an upper is an error");
}

static void test_flags(void)
{
	struct overlay_stack s;
	struct tx_err err;

	if (prepare("userxattr,index=off," WRITABLE) && open_at(&s, &err, "xfs/merged") == 1) {
		tap_ok(s.has_upper && s.userxattr && !s.indexed && !s.marks_hidden,
		       "a mount with userxattr and without index says so");
		tap_ok(s.one_xfs, "layers on one XFS are known to be");
		overlay_stack_release(&s);
	}
	if (prepare("index=on," WRITABLE) && open_at(&s, &err, "xfs/merged") == 1) {
		tap_ok(!s.userxattr && s.indexed, "a mount with an index says so");
		overlay_stack_release(&s);
	}
	scene_run("rm -rf $DIR/btrfs/far; mkdir $DIR/btrfs/far\n");
	if (prepare("lowerdir=$W/l1:$DIR/btrfs/far,upperdir=$W/upper,workdir=$W/work") &&
	    open_at(&s, &err, "xfs/merged") == 1) {
		tap_ok(!s.one_xfs, "a layer elsewhere is noticed");
		overlay_stack_release(&s);
	}
	if (prepare("metacopy=on,lowerdir=$W/l1:$W/l2::$W/l3") &&
	    open_at(&s, &err, "xfs/merged") == 1) {
		tap_ok(s.count == 3 && !s.has_upper && !s.layers[1].data_only &&
			       s.layers[2].data_only,
		       "a layer of data only is marked");
		overlay_stack_release(&s);
	}
}

/* Takes CAP_SYS_ADMIN from what this thread may do now, or gives it back. */
static void set_admin(bool admin)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, caps) < 0)
		return;
	caps[0].effective &= ~(1u << CAP_SYS_ADMIN);
	caps[0].effective |= (admin ? 1u : 0u) << CAP_SYS_ADMIN;
	if (syscall(SYS_capset, &head, caps) < 0)
		printf("# capset: %s\n", strerror(errno));
}

static bool hides_marks(void)
{
	struct overlay_stack s;
	struct tx_err err;
	bool hidden = open_at(&s, &err, "xfs/merged") == 1 && s.marks_hidden;

	overlay_stack_release(&s);
	return hidden;
}

static void test_privilege(void)
{
	if (!prepare(WRITABLE))
		return;
	tap_ok(!hides_marks(), "root sees trusted marks");
	set_admin(false);
	tap_ok(hides_marks(), "without CAP_SYS_ADMIN they are known to be hidden");
	set_admin(true);
	if (!prepare("userxattr," WRITABLE))
		return;
	set_admin(false);
	tap_ok(!hides_marks(), "those of userxattr are not");
	set_admin(true);
}

static const char *const odd_names[] = { "a b",     "a,b",          "a:b",         "a\\b",
					 "a\nb\tc", "a\\:,\\\\b#=", "\303\244\377" };

/* With overlayfs' escapes, as mount(2) wants it. */
static void put_escaped(char *to, const char *from)
{
	for (; *from; *to++ = *from++)
		if (strchr("\\:,", *from))
			*to++ = '\\';
	*to = '\0';
}

static void test_odd_name(const char *name)
{
	const char *merged = scene_path("xfs/merged"), *work = scene_path("xfs/work");
	const char *low = scene_path("xfs/low %s", name), *up = scene_path("xfs/%s", name);
	const char *const want[] = { up, low, NULL }, *const raw[] = { low, NULL };
	char text[16384], lowe[4096], upe[4096];

	clear();
	scene_run("cd $DIR/xfs; mkdir merged work\n");
	if (mkdir(low, 0755) < 0 || mkdir(up, 0755) < 0) {
		tap_ok(false, "a directory can be named %s", strchr(name, '\n') ? "so" : name);
		return;
	}
	put_escaped(lowe, low);
	put_escaped(upe, up);
	snprintf(text, sizeof(text), "lowerdir=%s,upperdir=%s,workdir=%s", lowe, upe, work);
	name = strchr(name, '\n') ? "two lines" : name;
	if (tap_ok(scene_mount(merged, text), "%s: mount", name)) {
		tap_string(layers_of(merged, want), "01", "%s: told in a string", name);
		scene_unmount(merged);
	}
	if (!scene_mount_raw(merged, raw, up, work)) {
		tap_skip("an upper told as a descriptor", "the kernel does not take it");
		return;
	}
	tap_string(layers_of(merged, want), "01", "%s: told as it is, and by descriptor", name);
	scene_unmount(merged);
}

static void test_many_layers(void)
{
	char paths[100][512];
	const char *lowers[101] = { 0 };
	struct overlay_stack s;
	struct tx_err err;

	clear();
	scene_run("cd $DIR/xfs; mkdir merged\n");
	for (int i = 0; i < 100; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s", scene_path("xfs/%0180d", i));
		lowers[i] = paths[i];
		mkdir(paths[i], 0755);
	}
	if (!scene_mount_raw(scene_path("xfs/merged"), lowers, NULL, NULL)) {
		tap_skip("a line of mountinfo may be long", "the kernel takes no lowerdir+");
		return;
	}
	if (tap_number(open_at(&s, &err, "xfs/merged"), 1, "a line of 20000 bytes is read")) {
		tap_number((long long)s.count, 100, "to its end");
		tap_string(s.layers[99].path, paths[99], "up to the last layer");
		overlay_stack_release(&s);
	}
}

/* The path of PATH in the overlay that BASE leads to, or the error's name. */
static const char *relative(const char *base, const char *path)
{
	static char got[4096];
	TX_FREE char *rel = NULL;
	TX_FD fd = scene_fd(path);
	struct overlay_stack s;
	struct tx_err err;
	int r;

	if (open_at(&s, &err, base) != 1)
		return "error";
	r = overlay_stack_relative(&s, fd, &rel, &err);
	snprintf(got, sizeof(got), "%s", r < 0 ? strerrorname_np(-r) : rel);
	overlay_stack_release(&s);
	return got;
}

static void test_relative(void)
{
	TX_FD removed = -1;
	struct overlay_stack s;
	TX_FREE char *rel = NULL;
	struct tx_err err;

	if (!prepare(WRITABLE))
		return;
	scene_run("cd $DIR/xfs; mkdir 'merged/ a\nb' merged/dead\n");
	tap_string(relative("xfs/merged", "xfs/merged"), "", "the root's path is empty");
	tap_string(relative("xfs/merged/file", "xfs/merged/dir/sub"), "dir/sub", "a path is found");
	tap_string(relative("xfs/merged", "xfs/merged/ a\nb"), " a\nb", "of any name");
	tap_string(relative("xfs/merged", "xfs"), "EXDEV", "a directory elsewhere has none");
	removed = scene_fd("xfs/merged/dead");
	scene_run("cd $DIR/xfs/merged; rmdir dead; mkdir 'dead (deleted)'\n");
	if (open_at(&s, &err, "xfs/merged") == 1) {
		tap_number(overlay_stack_relative(&s, removed, &rel, &err), -ENOENT,
			   "a removed directory has none, even if one is named so");
		overlay_stack_release(&s);
	}
}

static void test_bound(void)
{
	if (!prepare(WRITABLE))
		return;
	scene_run("cd $DIR/xfs; mount --bind merged/dir bound\n");
	tap_string(layers_of("xfs/bound", plain_names), "0123",
		   "a bound directory that is in no upper opens");
	tap_string(relative("xfs/bound", "xfs/bound"), "dir",
		   "its own path is from the overlay's root");
	tap_string(relative("xfs/bound", "xfs/bound/sub"), "dir/sub", "and so are those below");
	tap_string(relative("xfs/bound", "xfs/merged/dir"), "EXDEV",
		   "the same directory through another mount is refused");
	scene_run("cd $DIR/xfs; umount merged\n");
	tap_number(code_of("xfs/bound"), -ESTALE,
		   "without the whole mount in sight the upper cannot be proved");
	scene_run("cd $DIR/xfs; umount bound\n");
	if (!prepare(WRITABLE))
		return;
	scene_run("cd $DIR/xfs; mkdir merged/dir/new\n"
		  "mount --bind merged/dir bound; umount merged\n");
	tap_string(layers_of("xfs/bound", plain_names), "0123",
		   "unless the directory is in the upper as it is seen");
	scene_run("cd $DIR/xfs; mv upper away; cp -a away upper\n");
	tap_number(code_of("xfs/bound"), -ESTALE, "which a copy is not");
}

static void test_covered(void)
{
	TX_FD fd = -1;
	struct overlay_stack s;
	struct tx_err err;

	if (!prepare(WRITABLE))
		return;
	fd = scene_fd("xfs/merged/dir");
	scene_run("cd $DIR/xfs; mount -t tmpfs t merged\n");
	tap_number(overlay_stack_open(&s, fd, &err), -ESTALE, "a covered overlay is an error");
	scene_run("cd $DIR/xfs; umount merged; mount --bind merged merged\n");
	tap_number(overlay_stack_open(&s, fd, &err), -ESTALE, "be it by itself");
	scene_run("cd $DIR/xfs; umount merged; umount -l merged\n");
	tap_number(overlay_stack_open(&s, fd, &err), -ENOENT, "and a detached one");
}

static void test_mounts(void)
{
	test_layers();
	test_upper();
	test_flags();
	test_privilege();
	for (size_t i = 0; i < sizeof(odd_names) / sizeof(*odd_names); i++)
		test_odd_name(odd_names[i]);
	test_many_layers();
	test_relative();
	test_bound();
	test_covered();
	clear();
}

int main(void)
{
	test_escapes();
	test_lines();
	test_options();
	if (scene_open("the layers of a mounted overlay are found")) {
		test_mounts();
		scene_close();
	}
	return tap_done();
}
