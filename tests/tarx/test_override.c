#include "tarx/override.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* "NAME:NUMBER" of what TEXT makes of a file; "-" for what stays. */
static const char *becomes(const char *text)
{
	static char said[64];
	struct tarx_becomes b;
	char copy[64];

	strcpy(copy, text);
	if (tarx_becomes_parse(&b, TARX_USER, copy) < 0)
		return "wrong";
	snprintf(said, sizeof(said), "%s:", b.name ? b.name : "-");
	if (b.has_id)
		snprintf(said + strlen(said), sizeof(said) - strlen(said), "%u", b.id);
	return said;
}

static void test_becomes(void)
{
	tap_string(becomes("root"), "root:0", "a name that this system has brings its number");
	tap_string(becomes("no such user"), "no such user:", "another leaves the number");
	tap_string(becomes("joe:5"), "joe:5", "a name and a number");
	tap_string(becomes("5:6"), "5:6", "a name may look like a number");
	tap_string(becomes("5"), "-:5", "a number alone");
	tap_string(becomes(":5"), "-:5", "or behind a colon");
	tap_string(becomes(""), ":", "no name at all");
	tap_string(becomes("4294967294"), "-:4294967294", "the largest number");
	tap_string(becomes("4294967295"), "wrong", "one that is none to the kernel");
	tap_string(becomes("joe:"), "wrong", "a colon without a number");
	tap_string(becomes("joe:x"), "wrong", "a number that is none");
	tap_string(becomes("5x"), "wrong", "a number with something behind it");
}

/* Reads the map TEXT. */
static int read_map(struct tarx_owner_map *map, const char *text, struct tx_err *err)
{
	int fd = memfd_create("map", 0), r;
	char path[64];

	if (write(fd, text, strlen(text)) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = tarx_owner_map_read(map, TARX_USER, path, err);
	close(fd);
	return r;
}

static void test_maps(void)
{
	static const struct {
		const char *text, *word;
	} wrong[] = {
		{ "root\n", ":1: not two words" },
		{ "root a:1 b\n", ":1: not two words" },
		{ "\n# x\nno-such-user a:1\n", ":3: no-such-user" },
		{ "5 a:1\n", ":1: 5" },
		{ "+5x a:1\n", ":1: +5x" },
		{ "root no-such-user\n", ":1: no-such-user" },
	};
	struct tarx_override override = { .becomes = { { .name = "rest" } } };
	struct tarx_item item = { .mode = S_IFREG | 0644, .uid = 0, .gid = 3 };
	struct tarx_owners owners = { 0 };
	struct tx_err err;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		int r = read_map(&override.maps[0], wrong[i].text, &err);

		if (!tap_ok(r < 0 && strstr(err.text, wrong[i].word),
			    "a wrong line of a map is named: \"%s\"", wrong[i].word))
			printf("# %s\n", err.text);
	}
	tap_number(read_map(&override.maps[0], "# who\n\n  root joe:7\n+9\t+0", &err), 0,
		   "a map is read");
	tarx_override_apply(&override, &owners, &item);
	tap_ok(item.uid == 7 && !strcmp(item.uname, "joe") && item.gid == 3,
	       "who is in it becomes what it says");
	item.uid = 9;
	tarx_override_apply(&override, &owners, &item);
	tap_ok(item.uid == 0 && !strcmp(item.uname, "root"), "a number gets this system's name");
	item.uid = 77;
	tarx_override_apply(&override, &owners, &item);
	tap_ok(item.uid == 77 && !strcmp(item.uname, "rest"), "others become what is said for all");
	tarx_override_apply(&override, NULL, &item);
	tap_ok(!item.uname && !item.gname, "without names there are none");
	tarx_override_release(&override);
	tarx_owners_release(&owners);
}

static void test_times(void)
{
	struct tarx_override override = { .has_mtime = true, .mtime = { 5, 5 } };
	struct tarx_item item = { .mode = S_IFREG | 0644, .mtime = { 5, 4 } };

	tarx_override_apply(&override, NULL, &item);
	tap_ok(item.mtime.tv_nsec == 5, "a time is set");
	override.clamp = true;
	item.mtime.tv_nsec = 4;
	tarx_override_apply(&override, NULL, &item);
	tap_ok(item.mtime.tv_nsec == 4, "clamped: not where it is earlier");
	item.mtime.tv_nsec = 6;
	tarx_override_apply(&override, NULL, &item);
	tap_ok(item.mtime.tv_nsec == 5, "but where it is later");
	override.mode = "u+x";
	tarx_override_apply(&override, NULL, &item);
	tap_ok(item.mode == (S_IFREG | 0744), "a mode is changed");
}

int main(void)
{
	test_becomes();
	test_maps();
	test_times();
	return tap_done();
}
