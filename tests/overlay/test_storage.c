#include "align/cleanup.h"
#include "overlay/storage.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/test-storage.XXXXXX";

static bool run(const char *script)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "exec >&2; set -e; cd %s; rm -rf ./*\n"
		 "mkdir -p home/l home/top/diff home/mid/diff home/low/diff; cd home\n"
		 "for i in top mid low; do printf $i >$i/link; ln -s ../$i/diff l/$i; done\n"
		 "printf l/mid:l/low >top/lower; printf 'l/low\\n' >mid/lower\n%s\n",
		 dir, script);
	return system(text) == 0;
}

static bool is_dir(int fd, const char *name)
{
	char path[256];
	struct stat a, b;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fd >= 0 && fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* The layers of LAYER: the letter of each lower, "-" for one that cannot be opened, or the error's
 * name; "none" when it is no layer. */
static const char *lowers_of(const char *layer)
{
	static char got[64];
	struct overlay_storage s;
	char path[256];
	struct tx_err err;
	TX_FD fd = -1;
	int r;

	snprintf(path, sizeof(path), "%s/home/%s", dir, layer);
	fd = open(path, O_PATH | O_CLOEXEC);
	r = overlay_storage_open(&s, fd, &err);
	snprintf(got, sizeof(got), "%s", r < 0 ? strerrorname_np(-r) : r == 0 ? "none" : "");
	for (size_t i = 0; r > 0 && i < s.count; i++) {
		TX_FD lower = overlay_storage_lower(&s, i);

		got[i] = is_dir(lower, "home/mid/diff")   ? 'm'
			 : is_dir(lower, "home/low/diff") ? 'l'
							  : '-';
		got[i + 1] = '\0';
	}
	overlay_storage_release(&s);
	return got;
}

static const struct {
	const char *promise, *script, *layer, *want;
} cases[] = {
	{ "the layers below are told, top to bottom", "", "top", "ml" },
	{ "a newline behind them does not matter", "", "mid", "l" },
	{ "the lowest has none", "", "low", "" },
	{ "the folder of all layers is none", "", ".", "none" },
	{ "nor is a diff", "", "top/diff", "none" },
	{ "a directory without a diff is none", "rmdir top/diff", "top", "none" },
	{ "one whose diff is a link is none", "mv top/diff x; ln -s ../x top/diff", "top", "none" },
	{ "one without a short name is none", "rm top/link", "top", "none" },
	{ "one with an empty name is none", ": >top/link", "top", "none" },
	{ "one whose name leads nowhere is none", "rm l/top", "top", "none" },
	{ "one whose name leads to another layer is none", "ln -sfn ../mid/diff l/top", "top",
	  "none" },
	{ "one whose name is a path is none", "printf ../top/diff >top/link", "top", "none" },
	{ "one whose name is a device is none", "rm top/link; mkfifo top/link", "top", "none" },
	{ "a lower that is gone is out of reach", "rm l/mid", "top", "-l" },
	{ "one that leads out of the folder too", "ln -sfn /etc l/mid", "top", "-l" },
	{ "and one that is a file", "rm l/mid; : >l/mid", "top", "-l" },
	{ "an absolute path among them is refused", "printf l/mid:/etc >top/lower", "top",
	  "EINVAL" },
	{ "an empty path among them is refused", "printf l/mid::l/low >top/lower", "top",
	  "EINVAL" },
	{ "an empty list is refused", ": >top/lower", "top", "EINVAL" },
	{ "a NUL among them is refused", "printf 'l/mid\\0l/low' >top/lower", "top", "EINVAL" },
	{ "a list without end is refused", "head -c 70000 /dev/zero | tr '\\0' x >top/lower", "top",
	  "EFBIG" },
	{ "a list that is a link is refused", "mv top/lower x; ln -s ../x top/lower", "top",
	  "ELOOP" },
};

int main(void)
{
	if (!mkdtemp(dir)) {
		perror("mkdtemp");
		return 99;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (tap_ok(run(cases[i].script), "prepare: %s", cases[i].promise))
			tap_string(lowers_of(cases[i].layer), cases[i].want, "%s",
				   cases[i].promise);
	}
	run("cd ..; rm -rf home; rmdir \"$PWD\"");
	return tap_done();
}
