#include "tarx/header.h"

#include "align/block.h"
#include "align/cleanup.h"
#include "tarx/pax.h"
#include "tarx/segments.h"
#include "tarx/ustar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* The x header, a body of less than 1 MiB, the ustar header; and what mends the body's length. */
#define HEADER_MAX ((1u << 20) - TARX_BLOCK)

#define TIMES_IN_OCTAL ((time_t)1 << 33) /* from here on the ustar header has no room */

static int reserve(struct tarx_header *header, size_t room)
{
	char *bytes;

	if (room <= header->room)
		return 0;
	bytes = realloc(header->bytes, room * 2);
	if (!bytes)
		return -ENOMEM;
	header->bytes = bytes;
	header->room = room * 2;
	return 0;
}

static la_ssize_t take_bytes(struct archive *a, void *data, const void *bytes, size_t n)
{
	struct tarx_header *header = data;

	if (header->complete)
		return -1;
	if (reserve(header, header->len + n) < 0) {
		archive_set_error(a, ENOMEM, "out of memory");
		return -1;
	}
	memcpy(header->bytes + header->len, bytes, n);
	header->len += n;
	return (la_ssize_t)n;
}

/* libarchive spells such a name its own way, which others, and it itself, do not read back. */
static bool is_plain(const char *name)
{
	for (; *name; name++)
		if (*name <= ' ' || *name > '~' || *name == '%' || *name == '=')
			return false;
	return true;
}

static void add_plain_xattrs(struct archive_entry *entry, const struct tarx_item *item)
{
	for (size_t i = 0; i < item->xattr_count; i++) {
		const struct tarx_xattr *x = &item->xattrs[i];

		if (is_plain(x->name))
			archive_entry_xattr_add_entry(entry, x->name, x->value, x->len);
	}
}

/* Readers that do not know the sparse format make a file of this name, of the map and the data. NULL:
 * out of memory; else the caller's. */
static char *sparse_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *to;

	/* GNU tar puts its process id there. */
	if (asprintf(&to, "%.*s/GNUSparseFile.0/%s", slash ? (int)(slash - path) : 1,
		     slash ? path : ".", slash ? slash + 1 : path) < 0)
		return NULL;
	return to;
}

static int fill_path(struct archive_entry *entry, const struct tarx_item *item)
{
	TX_FREE char *path = item->segments ? sparse_path(item->path) : NULL;

	if (item->segments && !path)
		return -ENOMEM;
	archive_entry_set_pathname(entry, path ? path : item->path);
	return 0;
}

static int fill_entry(struct archive_entry *entry, const struct tarx_item *item)
{
	archive_entry_clear(entry);
	archive_entry_set_mode(entry, item->mode);
	archive_entry_set_uid(entry, item->uid);
	archive_entry_set_gid(entry, item->gid);
	archive_entry_set_uname(entry, item->uname);
	archive_entry_set_gname(entry, item->gname);
	archive_entry_set_mtime(entry, item->mtime.tv_sec, item->mtime.tv_nsec);
	archive_entry_set_size(entry, (la_int64_t)tarx_header_stored(item));
	if (item->hardlink)
		archive_entry_set_hardlink(entry, item->link);
	else if (item->link)
		archive_entry_set_symlink(entry, item->link);
	if ((S_ISCHR(item->mode) || S_ISBLK(item->mode)) && !item->hardlink)
		archive_entry_set_rdev(entry, item->rdev);
	add_plain_xattrs(entry, item);
	return fill_path(entry, item);
}

uint64_t tarx_header_stored(const struct tarx_item *item)
{
	if (!item->segments)
		return (uint64_t)item->size;
	return align_up(tarx_segments_map_size(item), TARX_BLOCK) + tarx_segments_data(item);
}

/* A fresh encoder for every member: one that is kept would want to see the payload. */
static int encode(struct tarx_header *header, struct tx_err *err)
{
	struct archive *a = archive_write_new();
	int r;

	if (!a)
		return tx_fail(err, ENOMEM, "encode the header");
	archive_write_set_format_pax(a);
	archive_write_set_bytes_per_block(a, 0);
	archive_write_set_format_option(a, "pax", "xattrheader", "SCHILY");
	r = archive_write_open(a, header, NULL, take_bytes, NULL);
	/* ARCHIVE_WARN: bytes of a name are no text in the C locale. They are written as they are. */
	if (r == ARCHIVE_OK)
		r = archive_write_header(a, header->entry);
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		r = tx_reject(err, archive_errno(a) > 0 ? archive_errno(a) : EINVAL,
			      "encode the header: %s", archive_error_string(a));
	else
		r = 0;
	/* Closing would write the payload, as zeros: take_bytes() refuses, and libarchive gives up. */
	header->complete = true;
	archive_write_free(a);
	return r;
}

static int add_record(struct tarx_header *header, const char *key, const void *value, size_t len)
{
	size_t more = tarx_pax_record_size(strlen(key), len) + 3 * TARX_BLOCK;

	if (reserve(header, header->len + more) < 0)
		return -ENOMEM;
	header->len = tarx_pax_add(header->bytes, header->len, key, value, len);
	return 0;
}

/* GNU tar's spelling of a keyword: "%" and "=" would end it early. */
static void spell(char *to, const char *name)
{
	for (; *name; name++) {
		if (*name == '%' || *name == '=') {
			memcpy(to, *name == '%' ? "%25" : "%3D", 3);
			to += 3;
		} else {
			*to++ = *name;
		}
	}
	*to = '\0';
}

static int add_xattr(struct tarx_header *header, const struct tarx_xattr *x)
{
	static const char keyword[] = "SCHILY.xattr.";
	char key[sizeof(keyword) + 3 * 256];

	if (strlen(x->name) > 255)
		return -ENAMETOOLONG;
	memcpy(key, keyword, sizeof(keyword));
	spell(key + strlen(keyword), x->name);
	return add_record(header, key, x->value, x->len);
}

static int add_odd_xattrs(struct tarx_header *header, const struct tarx_item *item)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < item->xattr_count; i++)
		if (!is_plain(item->xattrs[i].name))
			r = add_xattr(header, &item->xattrs[i]);
	return r;
}

/* libarchive keeps an ACL's group entry and the mode's group bits, which are the ACL's mask, in one
 * place; one of them would be lost. */
static int add_acls(struct tarx_header *header, const struct tarx_item *item)
{
	int r = 0;

	if (item->acl_access)
		r = add_record(header, "SCHILY.acl.access", item->acl_access,
			       strlen(item->acl_access));
	if (r == 0 && item->acl_default)
		r = add_record(header, "SCHILY.acl.default", item->acl_default,
			       strlen(item->acl_default));
	return r;
}

/* What others put there, byte for byte. */
static int add_extra(struct tarx_header *header, const struct tarx_item *item)
{
	if (item->extra_len == 0)
		return 0;
	if (reserve(header, header->len + item->extra_len + 3 * TARX_BLOCK) < 0)
		return -ENOMEM;
	header->len = tarx_pax_add_records(header->bytes, header->len, item->extra,
					   item->extra_len);
	return 0;
}

static int add_comment(struct tarx_header *header, const char *name, const char *value)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "tarx.%s=%s", name, value);

	if (n < 0 || (size_t)n >= sizeof(text))
		return -ENAMETOOLONG;
	return add_record(header, "comment", text, (size_t)n);
}

/* What only tarx restores. GNU tar warns of every keyword that it does not know, and passes over
 * comments as all others do. */
static int add_comments(struct tarx_header *header, const struct tarx_item *item)
{
	char number[16];
	int r = 0;

	if (item->fflags)
		r = add_comment(header, "fflags", item->fflags);
	if (r == 0 && item->has_projid) {
		snprintf(number, sizeof(number), "%u", item->projid);
		r = add_comment(header, "projid", number);
	}
	if (r == 0 && item->subvolume)
		r = add_comment(header, "subvolume", item->subvolume);
	return r;
}

/* Before 1970 libarchive writes the fraction of a time as one that counts upwards, "-2.25" for
 * 1.75 seconds before; pax(1) and all others mean the decimal number. In the ustar header it writes a negative
 * binary number, which ends the archive for toybox, and from 2242 on one that is a byte too short, at which
 * GNU tar may give up; GNU tar writes 0. */
static int mend_time(struct tarx_header *header, const struct timespec *t)
{
	char text[64];
	int n;

	if (t->tv_sec >= 0 && t->tv_sec < TIMES_IN_OCTAL)
		return 0;
	tarx_pax_clear_time(header->bytes, header->len);
	if (t->tv_sec > 0 || t->tv_nsec == 0)
		return 0;
	n = snprintf(text, sizeof(text), "-%jd.%09ld", (intmax_t)(-(t->tv_sec + 1)),
		     1000000000 - t->tv_nsec);
	header->len = tarx_pax_drop(header->bytes, header->len, "mtime");
	return add_record(header, "mtime", text, (size_t)n);
}

/* Behind "path": Python's tarfile believes the last name. */
static int add_sparse(struct tarx_header *header, const struct tarx_item *item)
{
	char size[32];
	int n = snprintf(size, sizeof(size), "%jd", (intmax_t)item->size), r;

	if (!item->segments)
		return 0;
	r = add_record(header, "GNU.sparse.major", "1", 1);
	if (r == 0)
		r = add_record(header, "GNU.sparse.minor", "0", 1);
	if (r == 0)
		r = add_record(header, "GNU.sparse.name", item->path, strlen(item->path));
	return r < 0 ? r : add_record(header, "GNU.sparse.realsize", size, (size_t)n);
}

/* libarchive uses six of the seven digits there are, and writes records, which GNU tar warns of, for
 * greater numbers. */
static void mend_device(struct tarx_header *header, dev_t rdev)
{
	if (major(rdev) > 0777777 || minor(rdev) > 0777777)
		header->len = tarx_pax_device(header->bytes, header->len, major(rdev), minor(rdev));
}

/* What libarchive makes of the item, and what others would not read back as it was taken out. */
static int encode_any(struct tarx_header *header, const struct tarx_item *item, struct tx_err *err)
{
	int r;

	if (!header->entry)
		header->entry = archive_entry_new();
	if (!header->entry || fill_entry(header->entry, item) < 0)
		return tx_fail(err, ENOMEM, "encode the header");
	r = encode(header, err);
	if (r < 0)
		return r;
	header->len = tarx_pax_drop(header->bytes, header->len, "hdrcharset");
	header->len = tarx_pax_trim(header->bytes, header->len);
	if (!item->hardlink && (S_ISCHR(item->mode) || S_ISBLK(item->mode)))
		mend_device(header, item->rdev);
	tarx_pax_renew(header->bytes, header->len);
	return 0;
}

/* "1700000000.25": as short as it can be. */
static int add_time(struct tarx_header *header, const struct timespec *t)
{
	char text[64];
	int n;

	if (t->tv_nsec == 0)
		return 0;
	n = snprintf(text, sizeof(text), "%jd.%09ld", (intmax_t)t->tv_sec, t->tv_nsec);
	while (text[n - 1] == '0')
		n--;
	return add_record(header, "mtime", text, (size_t)n);
}

/* libarchive writes the last one first. */
static int add_usual_xattrs(struct tarx_header *header, const struct tarx_item *item)
{
	int r = 0;

	for (size_t i = item->xattr_count; r == 0 && i > 0; i--)
		if (is_plain(item->xattrs[i - 1].name))
			r = add_xattr(header, &item->xattrs[i - 1]);
	return r;
}

/* The same bytes as encode_any()'s, where ustar has room for nearly all of it. 1, 0: it has not; or -errno. */
static int encode_usual(struct tarx_header *header, const struct tarx_item *item)
{
	int r = reserve(header, TARX_BLOCK);

	if (r < 0 || header->by_libarchive || item->segments ||
	    !tarx_ustar_encode(header->bytes, item, (uint64_t)item->size))
		return r;
	header->len = TARX_BLOCK;
	r = add_time(header, &item->mtime);
	if (r == 0)
		r = add_usual_xattrs(header, item);
	return r < 0 ? r : 1;
}

int tarx_header_encode(struct tarx_header *header, const struct tarx_item *item, struct tx_err *err)
{
	int r;

	header->len = 0;
	header->complete = false;
	r = encode_usual(header, item);
	if (r < 0)
		return tx_fail(err, -r, "encode the header");
	if (r == 0 && encode_any(header, item, err) < 0)
		return -err->code;
	r = add_odd_xattrs(header, item);
	if (r == 0)
		r = add_acls(header, item);
	if (r == 0)
		r = mend_time(header, &item->mtime);
	if (r == 0)
		r = add_sparse(header, item);
	if (r == 0)
		r = add_extra(header, item);
	if (r == 0)
		r = add_comments(header, item);
	if (r < 0)
		return tx_fail(err, -r, "encode the header");
	if (header->len >= HEADER_MAX)
		return tx_reject(err, E2BIG, "a header of %zu bytes, readers take less than 1 MiB",
				 header->len);
	return tarx_header_align(header, 0, TARX_BLOCK, err) < 0 ? -err->code : 0;
}

ssize_t tarx_header_align(struct tarx_header *header, uint64_t at, uint32_t align,
			  struct tx_err *err)
{
	size_t more = tarx_pax_padding(header->bytes, header->len, at, align);

	if (more == SIZE_MAX)
		return tx_reject(err, E2BIG, "its header has no room for padding");
	if (reserve(header, header->len + more) < 0)
		return tx_fail(err, ENOMEM, "pad the header");
	header->len = tarx_pax_grow(header->bytes, header->len, more);
	return (ssize_t)more;
}

int tarx_header_extend(struct tarx_header *header, size_t len, struct tx_err *err)
{
	if (reserve(header, len) < 0)
		return tx_fail(err, ENOMEM, "pad the header");
	header->len = tarx_pax_grow(header->bytes, header->len, len - header->len);
	return 0;
}

void tarx_header_release(struct tarx_header *header)
{
	archive_entry_free(header->entry);
	free(header->bytes);
	*header = (struct tarx_header){ 0 };
}
