#include "tarx/header.h"

#include "tarx/pax.h"
#include "tarx/reader.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* An item like most, but for what is said of it, which is then said twice. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define ITEM(...)                                                                                  \
	(struct tarx_item)                                                                         \
	{                                                                                          \
		.path = "member", .mode = S_IFREG | 0644, .uid = 1000, .gid = 1001,                \
		.uname = "user", .gname = "group", .mtime = { .tv_sec = 1700000000 },              \
		.data = { .fd = -1 }, __VA_ARGS__                                                  \
	}

/* ------------------------------------------------------------------ written and read back */

/* The encoded header, the payload as a hole, and the end, in a file without a name. */
static int make_archive(const struct tarx_item *item, size_t *header_len)
{
	struct tarx_header header = { 0 };
	struct tx_err err = { 0 };
	int fd = memfd_create("archive", MFD_CLOEXEC);
	off_t end;

	*header_len = 0;
	if (tarx_header_encode(&header, item, &err) < 0) {
		printf("# %s\n", err.text);
	} else if (header.len % TARX_BLOCK == 0 &&
		   pwrite(fd, header.bytes, header.len, 0) == (ssize_t)header.len) {
		*header_len = header.len;
		end = (off_t)header.len + ((item->size + 511) & ~(off_t)511) + 1024;
		if (ftruncate(fd, end) < 0)
			*header_len = 0;
	}
	tarx_header_release(&header);
	return fd;
}

static bool same_text(const char *got, const char *want)
{
	return got && want ? !strcmp(got, want) : got == want;
}

/* Whether each entry of ACL A is one of B; the order says nothing. */
static bool is_within(const char *a, const char *b)
{
	while (*a) {
		size_t len = strcspn(a, ",");
		const char *at = b;

		while (strncmp(at, a, len) || (at[len] && at[len] != ',')) {
			at += strcspn(at, ",");
			if (!*at++)
				return false;
		}
		a += len + (a[len] == ',');
	}
	return true;
}

static bool same_acl(const char *got, const char *want)
{
	if (!got || !want)
		return got == want;
	return strlen(got) == strlen(want) && is_within(got, want) && is_within(want, got);
}

/* No name and an empty name are one in an archive. */
static bool same_name(const char *got, const char *want)
{
	return !strcmp(got ? got : "", want ? want : "");
}

/* A directory's path may have got its slash. */
static bool same_path(const struct tarx_item *got, const struct tarx_item *want)
{
	size_t len = strlen(want->path);

	if (!strcmp(got->path, want->path))
		return true;
	return S_ISDIR(want->mode) && !strncmp(got->path, want->path, len) &&
	       !strcmp(got->path + len, "/");
}

static bool same_xattrs(const struct tarx_item *got, const struct tarx_item *want)
{
	if (got->xattr_count != want->xattr_count)
		return false;
	for (size_t i = 0; i < want->xattr_count; i++) {
		const struct tarx_xattr *w = &want->xattrs[i];
		size_t j = 0;

		while (j < got->xattr_count && strcmp(got->xattrs[j].name, w->name))
			j++;
		if (j == got->xattr_count || got->xattrs[j].len != w->len ||
		    (w->len && memcmp(got->xattrs[j].value, w->value, w->len)))
			return false;
	}
	return true;
}

static const char *difference(const struct tarx_item *got, const struct tarx_item *want)
{
	if (!same_path(got, want))
		return "path";
	if (!same_text(got->link, want->link) || got->hardlink != want->hardlink)
		return "link";
	if (got->mode != want->mode && !want->hardlink)
		return "mode";
	if (got->uid != want->uid || got->gid != want->gid)
		return "uid, gid";
	if (!same_name(got->uname, want->uname) || !same_name(got->gname, want->gname))
		return "uname, gname";
	if (got->mtime.tv_sec != want->mtime.tv_sec || got->mtime.tv_nsec != want->mtime.tv_nsec)
		return "mtime";
	if ((S_ISCHR(want->mode) || S_ISBLK(want->mode)) && !want->hardlink &&
	    got->rdev != want->rdev)
		return "rdev";
	if (got->size != want->size)
		return "size";
	if (got->whiteout != want->whiteout)
		return "whiteout";
	if (!same_acl(got->acl_access, want->acl_access) ||
	    !same_acl(got->acl_default, want->acl_default))
		return "ACL";
	return same_xattrs(got, want) ? NULL : "xattrs";
}

static const char *read_back(const char *path, const struct tarx_item *want, size_t header_len)
{
	struct tarx_reader reader;
	struct tarx_item got = { 0 }, none;
	struct tx_err err = { 0 };
	const char *fault = NULL;

	if (tarx_reader_open(&reader, path, &err) < 0 || tarx_reader_next(&reader, &got, &err) != 1)
		fault = "cannot be read";
	if (!fault)
		fault = difference(&got, want);
	if (!fault && got.warning)
		fault = got.warning;
	if (!fault && S_ISREG(want->mode) && !want->hardlink &&
	    (got.data.off != (off_t)header_len || got.data.len != want->size || got.data.fd < 0))
		fault = "place of the payload";
	if (!fault && tarx_reader_next(&reader, &none, &err) != 0)
		fault = "more than one member";
	if (fault)
		printf("# differs: %s (mtime %jd.%09ld, ACL %s) %s\n", fault,
		       (intmax_t)got.mtime.tv_sec, got.mtime.tv_nsec,
		       got.acl_access ? got.acl_access : "-", err.text);
	tarx_reader_release(&reader);
	return fault;
}

/* Whatever is encoded here is encoded by libarchive too. */
static bool is_libarchives(const struct tarx_item *item)
{
	struct tarx_header own = { 0 }, libarchives = { .by_libarchive = true };
	struct tx_err err;
	bool same = tarx_header_encode(&own, item, &err) == 0 &&
		    tarx_header_encode(&libarchives, item, &err) == 0 &&
		    own.len == libarchives.len && !memcmp(own.bytes, libarchives.bytes, own.len);

	if (!same)
		printf("# libarchive makes something else of it\n");
	tarx_header_release(&own);
	tarx_header_release(&libarchives);
	return same;
}

static bool comes_back(const struct tarx_item *want)
{
	char path[64];
	size_t header_len;
	int fd = make_archive(want, &header_len);
	bool good;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	good = header_len > 0 && !read_back(path, want, header_len) && is_libarchives(want);
	close(fd);
	return good;
}

/* ------------------------------------------------------------------ types, numbers, times */

#define LONG_TEXT                                                                                  \
	"a-rather-long-name-of-something/a-rather-long-name-of-something/"                         \
	"a-rather-long-name-of-something/a-rather-long-name-of-something/"                         \
	"a-rather-long-name-of-something/a-rather-long-name-of-something/"                         \
	"a-rather-long-name-of-something/a-rather-long-name-of-something/end"

static void test_items(void)
{
	const struct {
		const char *promise;
		struct tarx_item item;
	} table[] = {
		{ "a file", ITEM(.size = 5) },
		{ "an empty file", ITEM(.size = 0) },
		{ "a file of 8 GiB less a byte", ITEM(.size = ((off_t)8 << 30) - 1) },
		{ "a file of 8 GiB", ITEM(.size = (off_t)8 << 30) },
		{ "a file of terabytes", ITEM(.size = ((off_t)5 << 40) + 123) },
		{ "a directory", ITEM(.mode = S_IFDIR | 01777) },
		{ "a directory with its slash", ITEM(.path = "dir/", .mode = S_IFDIR | 0755) },
		{ "a directory of a long name", ITEM(.path = LONG_TEXT, .mode = S_IFDIR | 0755) },
		{ "a symbolic link", ITEM(.mode = S_IFLNK | 0777, .link = "../to") },
		{ "a symbolic link far away", ITEM(.mode = S_IFLNK | 0777, .link = LONG_TEXT) },
		{ "a link of any bytes",
		  ITEM(.mode = S_IFLNK | 0777, .link = "\xff\n =\\%\xc3\xa4") },
		{ "a hard link", ITEM(.hardlink = true, .link = "first") },
		{ "a hard link to a long name", ITEM(.hardlink = true, .link = LONG_TEXT) },
		{ "a hard link to any bytes", ITEM(.hardlink = true, .link = "\xe4\xc3\xa4\n") },
		{ "a FIFO", ITEM(.mode = S_IFIFO | 0600) },
		{ "a character device", ITEM(.mode = S_IFCHR | 0600, .rdev = makedev(1, 3)) },
		{ "a block device", ITEM(.mode = S_IFBLK | 0600, .rdev = makedev(259, 70000)) },
		{ "a hard link to a device", ITEM(.mode = S_IFCHR | 0600, .rdev = makedev(1, 3),
						  .hardlink = true, .link = "first") },
		{ "a whiteout", ITEM(.mode = S_IFCHR, .whiteout = true) },
		{ "set-user-ID and sticky", ITEM(.mode = S_IFREG | 07755) },
		{ "no permissions", ITEM(.mode = S_IFREG) },
		{ "root's", ITEM(.uid = 0, .gid = 0, .uname = "root", .gname = "root") },
		{ "the largest owners of a field", ITEM(.uid = 2097151, .gid = 2097151) },
		{ "owners beyond it", ITEM(.uid = 2097152, .gid = 2097153) },
		{ "owners beyond 31 bits", ITEM(.uid = 4294967294u, .gid = 4000000000u) },
		{ "no names of owners", ITEM(.uname = NULL, .gname = NULL) },
		{ "owners of any bytes", ITEM(.uname = "\xffx", .gname = "\xc3\xa4=") },
		{ "owners of long names", ITEM(.uname = "a-name-of-more-than-thirty-two-letters",
					       .gname = "another-name-of-more-than-thirty-two") },
		{ "the year 1970", ITEM(.mtime = { 0, 0 }) },
		{ "a nanosecond", ITEM(.mtime = { 1700000000, 1 }) },
		{ "all but one", ITEM(.mtime = { 1700000000, 999999999 }) },
		{ "the year 2300", ITEM(.mtime = { 10413792000, 500000000 }) },
		{ "the largest time of a field", ITEM(.mtime = { 8589934591, 0 }) },
		{ "one beyond it", ITEM(.mtime = { 8589934592, 0 }) },
		{ "a second before 1970", ITEM(.mtime = { -1, 0 }) },
		{ "1.75 seconds before", ITEM(.mtime = { -2, 250000000 }) },
		{ "a nanosecond more than a second before", ITEM(.mtime = { -2, 999999999 }) },
		{ "nearly two seconds before", ITEM(.mtime = { -2, 1 }) },
		{ "the year 1901", ITEM(.mtime = { -2147483649, 123456789 }) },
		{ "long before", ITEM(.mtime = { -5000000000, 100000000 }) },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		tap_ok(comes_back(&table[i].item), "%s comes back as it was", table[i].promise);
}

static int count_in(const struct tarx_header *header, const char *word)
{
	const char *at = header->bytes, *end = header->bytes + header->len;
	int n = 0;

	while ((at = memmem(at, (size_t)(end - at), word, strlen(word)))) {
		at++;
		n++;
	}
	return n;
}

/* What libarchive cannot read back must be written right all the same. */
static void test_half_second(void)
{
	struct tarx_item item = ITEM(.mtime = { -1, 500000000 });
	struct tarx_header header = { 0 };
	struct tx_err err;

	tap_ok(tarx_header_encode(&header, &item, &err) == 0 &&
		       count_in(&header, " mtime=-0.5") == 1,
	       "half a second before 1970 is the number -0.5");
	tap_number(count_in(&header, "mtime="), 1, "and is said once");
	tarx_header_release(&header);
}

/* Readers take what stands in a record for text, and change it. */
static void test_said_once(void)
{
	struct tarx_item item = ITEM(.path = "\xc3\xa4", .mode = S_IFLNK | 0777,
				     .link = "a\xcc\x88", .uname = "\xe4", .gname = "\xc3\xbc");
	struct tarx_header header = { 0 };
	struct tx_err err;

	tap_ok(tarx_header_encode(&header, &item, &err) == 0 && header.len == 512,
	       "names that are not ASCII stand in the ustar header alone");
	tap_ok(!memcmp(header.bytes, "\xc3\xa4", 3) && !memcmp(header.bytes + 157, "a\xcc\x88", 4),
	       "byte for byte");
	item.path = LONG_TEXT "\xe4";
	tap_ok(tarx_header_encode(&header, &item, &err) == 0 && count_in(&header, " path=") == 1 &&
		       count_in(&header, "hdrcharset") == 0,
	       "a long one is said in bytes, of which no character set is told");
	tarx_header_release(&header);
}

/* GNU tar warns of records about devices. */
static void test_device(void)
{
	struct tarx_item item = ITEM(.mode = S_IFBLK | 0600, .rdev = makedev(4095, 1048575));
	struct tarx_header header = { 0 };
	struct tx_err err;

	tap_ok(tarx_header_encode(&header, &item, &err) == 0 && header.len == 512,
	       "the largest device of the kernel's fits into the ustar header");
	tap_ok(!memcmp(header.bytes + 329, "0007777\0003777777", 16),
	       "in all digits that there are");
	tarx_header_release(&header);
}

/* ------------------------------------------------------------------ names */

static void test_long_names(void)
{
	int wrong = 0;

	for (size_t len = 1; len <= 300; len++) {
		for (int slashes = 0; slashes < 3; slashes++) {
			char name[301], target[301];
			struct tarx_item item = ITEM(.path = name, .size = 3);

			memset(name, 'n', len);
			memset(target, 't', len);
			name[len] = target[len] = '\0';
			for (size_t at = 50; slashes > 0 && at + 1 < len; at += 50)
				name[at] = '/';
			if (slashes == 2)
				name[len - 1] = '\xe4';
			wrong += !comes_back(&item);
			item.mode = S_IFLNK | 0777;
			item.link = target;
			item.size = 0;
			wrong += !comes_back(&item);
			item.mode = S_IFREG | 0644;
			item.hardlink = true;
			wrong += !comes_back(&item);
		}
	}
	tap_number(wrong, 0, "names of all lengths come back, and links to them");
}

static void test_all_bytes(void)
{
	int wrong = 0;

	for (int c = 1; c < 256; c++) {
		for (int other = 0; other < 2; other++) {
			char name[8] = { 'a', (char)c, other ? '\xa4' : 'b', (char)c, 'z', '\0' };
			struct tarx_item item = ITEM(.path = name, .size = 1);

			wrong += !comes_back(&item);
		}
	}
	tap_number(wrong, 0, "names of all bytes come back");
}

static void test_longest(void)
{
	static char name[4096];
	struct tarx_item item = ITEM(.path = name, .link = name, .mode = S_IFLNK | 0777);

	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = (char)(i % 100 ? 'a' + i % 26 : '/');
	name[0] = 'x';
	tap_ok(comes_back(&item), "the longest path comes back, and the longest link");
	memset(name, '\xf6', sizeof(name) - 1);
	tap_ok(comes_back(&item), "also where it is no UTF-8");
}

/* ------------------------------------------------------------------ attributes, ACLs */

static void test_xattr_names(void)
{
	static const char *const names[] = { "user.mime_type",
					     "security.capability",
					     "trusted.overlay.opaque",
					     "user.a=b",
					     "user.=",
					     "user.100%",
					     "user.%3D",
					     "user.%25",
					     "user.%41",
					     "user.a b",
					     "user.new\nline",
					     "user.\xff\xfe",
					     "user.\xc3\xa4",
					     "user.\x01\x7f",
					     "user.a:b/c\\d\"e" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct tarx_xattr x = { names[i], "value", 5 };
		struct tarx_item item = ITEM(.xattrs = &x, .xattr_count = 1);

		tap_ok(comes_back(&item), "an attribute's name of odd bytes comes back (%zu)", i);
	}
}

static void test_xattr_values(void)
{
	static char much[65536], name[256];
	static const char odd[] = "a\0b\n9 c=ddd\n\xff=";
	struct tarx_xattr x[5] = { { "user.empty", "", 0 },
				   { "user.odd", odd, sizeof(odd) },
				   { "user.a=b", odd, sizeof(odd) },
				   { name, "long", 4 },
				   { "user.plain", "p", 1 } };
	struct tarx_item item = ITEM(.xattrs = x, .xattr_count = 5);

	memset(name, 'n', 255);
	memcpy(name, "user.", 5);
	tap_ok(comes_back(&item), "several attributes come back, with values of any bytes");
	item.mode = S_IFDIR | 0755;
	tap_ok(comes_back(&item), "also a directory's");
	item.mode = S_IFREG | 0644;
	for (size_t i = 0; i < sizeof(much); i++)
		much[i] = (char)((i * 2654435761u) >> 11);
	x[0] = (struct tarx_xattr){ "user.large", much, sizeof(much) };
	item.xattr_count = 1;
	tap_ok(comes_back(&item), "the largest value comes back");
}

/* One of them has a body that fills its blocks, which is then to be mended. */
static void test_xattr_lengths(size_t from)
{
	static char much[130000];
	int wrong = 0;

	memset(much, 'v', sizeof(much));
	for (size_t len = from; len < from + 513; len++) {
		struct tarx_xattr x[2] = { { "user.a", much, len / 2 },
					   { "user.b=", much, len - len / 2 } };
		struct tarx_item item = ITEM(.xattrs = x, .xattr_count = 2);

		wrong += !comes_back(&item);
	}
	tap_number(wrong, 0, "attributes of %zu bytes and some come back, whatever the sum", from);
}

static void test_acls(void)
{
	struct tarx_item item =
		ITEM(.mode = S_IFREG | 0660,
		     .acl_access = "user::rw-,user:joe:r--:1000,group::r--,mask::rw-,other::---");

	tap_ok(comes_back(&item), "an ACL comes back, with the mask as the mode's group bits");
	item.mode = S_IFREG | 0604;
	item.acl_access = "user::rw-,user:1234:rwx:1234,group::rwx,mask::---,other::r--";
	tap_ok(comes_back(&item),
	       "an ACL with an empty mask comes back, of an owner without a name");
	item.acl_access =
		"user::rw-,user:4000000000:rwx:4000000000,group::rwx,mask::---,other::r--";
	tap_ok(comes_back(&item), "an ACL with a number over 2147483647 comes back");
	item.mode = S_IFDIR | 0755;
	item.acl_access = NULL;
	item.acl_default = "user::rwx,group::r-x,group:staff:r-x:50,mask::r-x,other::r-x";
	tap_ok(comes_back(&item), "a directory's default ACL comes back");
	item.acl_access = "user::rwx,user:joe:r-x:1000,group::r-x,mask::r-x,other::r-x";
	tap_ok(comes_back(&item), "both come back");
}

/* ------------------------------------------------------------------ aligned, again and again */

static void test_align(void)
{
	struct tarx_item item = ITEM(.size = 5);
	struct tarx_header header = { 0 };
	struct tx_err err;
	ssize_t more;
	size_t len;

	tap_number(tarx_header_encode(&header, &item, &err), 0, "a plain file is encoded");
	tap_number((long long)header.len, 512, "in one block");
	more = tarx_header_align(&header, 1536, 4096, &err);
	tap_ok(more == 2048 && header.len == 2560, "it grows as far as the payload's block");
	tarx_header_encode(&header, &item, &err);
	tap_number((long long)header.len, 512, "the next member begins anew");
	len = header.len;
	tap_number(tarx_header_align(&header, (1 << 20) - 1024, 1 << 20, &err), -E2BIG,
		   "more than readers take is refused");
	tap_number((long long)header.len, (long long)len, "and the header is as it was");
	tarx_header_release(&header);
	tap_ok(!header.bytes && !header.entry, "a released header holds nothing");
}

int main(void)
{
	test_items();
	test_half_second();
	test_said_once();
	test_device();
	test_long_names();
	test_all_bytes();
	test_longest();
	test_xattr_names();
	test_xattr_values();
	test_xattr_lengths(0);
	test_xattr_lengths(1000);
	test_xattr_lengths(70000);
	test_acls();
	test_align();
	return tap_done();
}
