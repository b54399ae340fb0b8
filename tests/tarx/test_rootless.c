#include "tarx/rootless.h"
#include "tests/lib/tap.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const struct {
	const char *value;
	bool taken;
	unsigned int uid, gid, mode;
	dev_t rdev;
} reads[] = {
	{ "0:0:0755", true, 0, 0, 0755, 0 },
	{ "1000:100:04755", true, 1000, 100, 04755, 0 },
	{ "1:2:644", true, 1, 2, 0644, 0 },
	{ "4294967294:4294967294:0", true, 4294967294, 4294967294, 0, 0 },
	{ "1:2:0100644", true, 1, 2, 0644, 0 },
	{ "1:2:0644:file", true, 1, 2, S_IFREG | 0644, 0 },
	{ "1:2:0755:dir", true, 1, 2, S_IFDIR | 0755, 0 },
	{ "1:2:0600:pipe", true, 1, 2, S_IFIFO | 0600, 0 },
	{ "1:2:0600:char-1-3", true, 1, 2, S_IFCHR | 0600, 0x103 },
	{ "1:2:0600:block-7-0", true, 1, 2, S_IFBLK | 0600, 0x700 },
	{ .value = "1:2:0600:char-0-0" },
	{ .value = "1:2:0600:char-1" },
	{ .value = "1:2:0600:char-1-3-" },
	{ .value = "1:2:0600:char--3" },
	{ .value = "1:2:0600:symlink" },
	{ .value = "1:2:0600:socket" },
	{ .value = "1:2:0600:files" },
	{ .value = "1:2:0800" },
	{ .value = "1:2:" },
	{ .value = "1:2" },
	{ .value = "" },
	{ .value = "-1:2:0644" },
	{ .value = " 1:2:0644" },
	{ .value = "4294967295:0:0644" },
	{ .value = "0:4294967295:0644" },
	{ .value = "99999999999999999999:0:0644" },
	{ .value = "1:2:0777777" },
	{ .value = "1:2:0644 " },
};

int main(void)
{
	char text[TARX_ROOTLESS_ROOM], longer[200];
	struct tarx_rootless o;

	for (size_t i = 0; i < sizeof(reads) / sizeof(*reads); i++) {
		bool taken = tarx_rootless_read(&o, reads[i].value, strlen(reads[i].value));

		tap_ok(taken == reads[i].taken, "\"%s\" is %s", reads[i].value,
		       reads[i].taken ? "taken" : "refused");
		if (taken && reads[i].taken)
			tap_ok(o.uid == reads[i].uid && o.gid == reads[i].gid &&
				       o.mode == reads[i].mode && o.rdev == reads[i].rdev,
			       "and means what it says");
	}
	memset(longer, '0', sizeof(longer));
	tap_ok(!tarx_rootless_read(&o, longer, sizeof(longer)), "a long value is refused");
	tap_ok(!tarx_rootless_read(&o, "1:2:0644\0x", 10), "one with a NUL too");
	tap_number((long long)tarx_rootless_write(text, 4294967294, 7, S_IFREG | 06755), 18,
		   "a value has its length");
	tap_string(text, "4294967294:7:06755", "and is written as it is read");
	return tap_done();
}
