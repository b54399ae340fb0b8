/* Names looked up in layers that lie there as if they had been written by an overlay. */
#include "align/cleanup.h"
#include "overlay/merged.h"
#include "tests/lib/scene.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define LAYERS 4 /* named 0, 1, 2 and d, of which only data is seen */

static void stack_open(struct overlay_stack *s, struct overlay_layer *layers, bool fuse)
{
	for (int i = 0; i < LAYERS; i++)
		layers[i] = (struct overlay_layer){
			.fd = scene_fd(scene_path("xfs/%c", "012d"[i])),
			.data_only = i == LAYERS - 1,
		};
	*s = (struct overlay_stack){ .layers = layers, .count = LAYERS, .fuse = fuse };
}

static void stack_close(struct overlay_stack *s)
{
	for (size_t i = 0; i < s->count; i++)
		tx_fd_release(&s->layers[i].fd);
}

/* The directory that lies at PATH, whose last name is left over in *NAME. */
static void go_to(const struct overlay_stack *s, const char *path, struct overlay_dir *dir,
		  char *name)
{
	overlay_dir_root(s, dir);
	for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
		struct overlay_dir next;

		snprintf(name, 256, "%.*s", (int)(slash - path), path);
		overlay_dir_enter(s, dir, name, &next);
		overlay_dir_release(dir);
		*dir = next;
	}
	snprintf(name, 256, "%s", path);
}

/* The layers that make up the directory PATH, top to bottom; "?" where nothing is known any more. */
static const char *dir_of(const char *path, bool fuse)
{
	struct overlay_layer layers[LAYERS];
	static char got[LAYERS + 2];
	struct overlay_stack s;
	struct overlay_dir dir, found;
	char name[256];
	size_t n = 0;

	stack_open(&s, layers, fuse);
	go_to(&s, path, &dir, name);
	overlay_dir_enter(&s, &dir, name, &found);
	for (; n < found.count; n++)
		got[n] = found.places[n].fd < 0 ? '?' : "012d"[found.places[n].layer];
	got[n] = '\0';
	overlay_dir_release(&found);
	overlay_dir_release(&dir);
	stack_close(&s);
	return got;
}

/* The first bytes of the file that PATH leads to, behind a "*" when metadata led there. */
static const char *file_of(const char *path, bool fuse)
{
	struct overlay_layer layers[LAYERS];
	struct overlay_file file;
	struct overlay_stack s;
	struct overlay_dir dir;
	static char got[32];
	char name[256];
	ssize_t n = -1;

	stack_open(&s, layers, fuse);
	go_to(&s, path, &dir, name);
	if (overlay_dir_file(&s, &dir, name, &file) == 0) {
		got[0] = '*';
		n = pread(file.fd, got + file.metacopy, 20, 0);
		got[n < 0 ? 0 : n + file.metacopy] = '\0';
	}
	tx_fd_release(&file.fd);
	overlay_dir_release(&dir);
	stack_close(&s);
	return n < 0 ? "none" : got;
}

#define MARK(mark, value, name) "setfattr -n trusted.overlay." mark " -v '" value "' " name "\n"
#define META(to, name)                                                                             \
	"printf xxxxx >" name "\nsetfattr -n trusted.overlay.metacopy " name "\n"                  \
	"[ -z '" to "' ] || setfattr -n trusted.overlay.redirect -v '" to "' " name "\n"

static const struct {
	const char *promise, *layers, *path, *want;
	bool dir, fuse;
} cases[] = {
	{ "a directory is made of all that have it", "mkdir 0/a 2/a", "a", "02", true, false },
	{ "and of those in it", "mkdir -p 0/a/b 1/a 2/a/b", "a/b", "02", true, false },
	{ "a directory in none is made of none", "", "a", "", true, false },
	{ "a directory of data only is not seen", "mkdir 0/a d/a", "a", "0", true, false },
	{ "an opaque one hides those below", "mkdir 0/a 1/a 2/a\n" MARK("opaque", "y", "1/a"), "a",
	  "01", true, false },
	{ "and what is in them", "mkdir -p 0/a/b 1/a/b 2/a/b\n" MARK("opaque", "y", "1/a"), "a/b",
	  "01", true, false },
	{ "a whiteout hides those below", "mkdir 0/a 2/a; mknod 1/a c 0 0", "a", "0", true, false },
	{ "a file hides those below", "mkdir 0/a 2/a; echo x >1/a", "a", "0", true, false },
	{ "a link does too", "mkdir 0/a 1/x 2/a; ln -s x 1/a", "a", "0", true, false },
	{ "a renamed one goes on under its old name",
	  "mkdir 0/a 1/a 1/b 2/b\n" MARK("redirect", "b", "0/a"), "a", "012", true, false },
	{ "in the same directory", "mkdir -p 0/p/a 1/p/b 2/b\n" MARK("redirect", "b", "0/p/a"),
	  "p/a", "01", true, false },
	{ "or from the root",
	  "mkdir -p 0/p/a 1/p/a 1/c/b 2/c/b\n" MARK("redirect", "/c/b", "0/p/a"), "p/a", "012",
	  true, false },
	{ "one renamed twice goes on under both",
	  "mkdir 0/a 1/b 2/c 2/b\n" MARK("redirect", "b", "0/a") MARK("redirect", "c", "1/b"), "a",
	  "012", true, false },
	{ "a path leads through renamed directories",
	  "mkdir -p 0/a 1/c/b 2/d/b 2/c/b\n" MARK("redirect", "/c/b", "0/a")
		  MARK("redirect", "d", "1/c"),
	  "a", "012", true, false },
	{ "an opaque directory on such a path ends it",
	  "mkdir -p 0/a 1/c/b 2/c/b\n" MARK("redirect", "/c/b", "0/a") MARK("opaque", "y", "1/c"),
	  "a", "01", true, false },
	{ "unless what it leads to leads on by a path",
	  "mkdir -p 0/a 1/c/b 2/e\n" MARK("redirect", "/c/b", "0/a") MARK("opaque", "y", "1/c")
		  MARK("redirect", "/e", "1/c/b"),
	  "a", "012", true, false },
	{ "a whiteout on such a path ends it",
	  "mkdir -p 0/a 2/c/b; mknod 1/c c 0 0\n" MARK("redirect", "/c/b", "0/a"), "a", "0", true,
	  false },
	{ "a redirect without sense ends what is known",
	  "mkdir -p 0/a 1/a 2/a\n" MARK("redirect", "../a", "1/a"), "a", "0?", true, false },
	{ "so does what is mounted there", "mkdir 0/a 1/a 2/a; mount --bind 1/a 1/a", "a", "0?",
	  true, false },

	{ "the topmost file is found", "echo -n one >1/f; echo -n two >2/f", "f", "one", false,
	  false },
	{ "in a merged directory", "mkdir 0/a 2/a; echo -n two >2/a/f", "a/f", "two", false,
	  false },
	{ "in a renamed one", "mkdir 0/a 2/b; echo -n two >2/b/f\n" MARK("redirect", "b", "0/a"),
	  "a/f", "two", false, false },
	{ "not below a whiteout", "mknod 0/f c 0 0; echo -n two >2/f", "f", "none", false, false },
	{ "nor below an empty file, which may be one", ": >0/f; echo -n two >2/f", "f", "none",
	  false, false },
	{ "nor below a directory", "mkdir 0/f; echo -n two >2/f", "f", "none", false, false },
	{ "nor in a place of which nothing is known",
	  "mkdir 0/a 1/a 2/a; echo -n two >2/a/f; mount --bind 1/a 1/a", "a/f", "none", false,
	  false },
	{ "metadata leads to the bytes below", META("", "0/f") "echo -n two >2/f", "f", "*two",
	  false, false },
	{ "to the name that it had", META("g", "0/f") "echo -n two >2/g; echo -n one >1/f", "f",
	  "*two", false, false },
	{ "to the path that it had", "mkdir 0/a 2/b\n" META("/b/g", "0/a/f") "echo -n two >2/b/g",
	  "a/f", "*two", false, false },
	{ "over metadata", META("g", "0/f") META("/h", "1/g") "echo -n two >2/h", "f", "*two",
	  false, false },
	{ "not to a directory", META("", "0/f") "mkdir 1/f; echo -n two >2/f", "f", "none", false,
	  false },
	{ "not over a whiteout", META("", "0/f") "mknod 1/f c 0 0; echo -n two >2/f", "f", "none",
	  false, false },
	{ "to a layer of data only by a path",
	  "mkdir d/x\n" META("/x/y", "1/f") "echo -n dat >d/x/y", "f", "*dat", false, false },
	{ "never by a name", META("", "1/f") "echo -n dat >d/f", "f", "none", false, false },
	{ "nor over a link", "mkdir d/x; ln -s x d/z\n" META("/z/y", "1/f") "echo -n dat >d/x/y",
	  "f", "none", false, false },
	{ "metadata without bytes leads nowhere", META("", "2/f"), "f", "none", false, false },

	{ "to fuse-overlayfs a name may hide", "mkdir 0/a 1/b 2/a; : >1/.wh.a", "a", "0", true,
	  true },
	{ "and a file make a directory opaque", "mkdir 0/a 1/a 2/a; : >1/a/.wh..wh..opq", "a", "01",
	  true, true },
	{ "which to overlayfs are files", "mkdir 0/a 1/a 2/a; : >1/a/.wh..wh..opq; : >1/.wh.a", "a",
	  "012", true, false },
	{ "a hidden file is not found", "echo -n two >2/f; : >1/.wh.f", "f", "none", false, true },
};

int main(void)
{
	if (!scene_open("names are looked up as overlayfs does"))
		return tap_done();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (!tap_ok(scene_run("cd $DIR/xfs; mkdir 0 1 2 d\n%s\n", cases[i].layers),
			    "prepare: %s", cases[i].promise))
			continue;
		tap_string((cases[i].dir ? dir_of : file_of)(cases[i].path, cases[i].fuse),
			   cases[i].want, "%s", cases[i].promise);
		scene_run("cd $DIR/xfs; ! mountpoint -q 1/a || umount 1/a; rm -rf 0 1 2 d\n");
	}
	scene_close();
	return tap_done();
}
