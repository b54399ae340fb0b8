#include "tarx/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

static la_ssize_t give_bytes(struct archive *a, void *data, const void **bytes)
{
	struct tarx_unpack *unpack = data;
	ssize_t got = unpack->source(unpack->data, bytes);

	if (got < 0)
		archive_set_error(a, (int)-got, "read");
	return got;
}

static int open_archive(struct tarx_unpack *unpack)
{
	struct archive *a = archive_read_new();

	unpack->archive = a;
	if (!a)
		return -ENOMEM;
	/* By name, and not "all": that would run programs it finds for rarer compressions. Gzip is not among
	 * them: libarchive does not look at its checksum. */
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_lzip(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_filter_compress(a);
	archive_read_support_format_raw(a);
	archive_read_support_format_empty(a);
	if (archive_read_open(a, unpack, NULL, give_bytes, NULL) != ARCHIVE_OK)
		return archive_errno(a) > 0 ? -archive_errno(a) : -EBADMSG;
	return archive_filter_count(a) > 1;
}

static bool is_gzip(const char *bytes, size_t len)
{
	return len >= 3 && !memcmp(bytes, "\x1f\x8b\x08", 3);
}

int tarx_unpack_open(struct tarx_unpack *unpack, tarx_unpack_source *source, void *data,
		     const char *first, size_t len)
{
	*unpack = (struct tarx_unpack){ .source = source, .data = data };
	if (!is_gzip(first, len))
		return open_archive(unpack);
	unpack->gunzip = tarx_gunzip_new(source, data);
	return unpack->gunzip ? 1 : -ENOMEM;
}

/* The one "member" of a raw archive. */
static int begin(struct tarx_unpack *unpack)
{
	struct archive_entry *entry;
	int r = archive_read_next_header(unpack->archive, &entry);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return -EBADMSG;
	unpack->begun = true;
	return 1;
}

int tarx_unpack_next(struct tarx_unpack *unpack, const void **bytes, size_t *len)
{
	la_int64_t off;
	int r;

	if (unpack->gunzip)
		return tarx_gunzip_next(unpack->gunzip, bytes, len);
	r = unpack->begun ? 1 : begin(unpack);
	if (r <= 0)
		return r;
	do
		r = archive_read_data_block(unpack->archive, bytes, len, &off);
	while (r == ARCHIVE_OK && *len == 0);
	if (r == ARCHIVE_EOF)
		return 0;
	return r == ARCHIVE_OK || r == ARCHIVE_WARN ? 1 : -EBADMSG;
}

const char *tarx_unpack_why(const struct tarx_unpack *unpack)
{
	const char *text;

	if (unpack->gunzip)
		return tarx_gunzip_why(unpack->gunzip);
	text = unpack->archive ? archive_error_string(unpack->archive) : NULL;
	return text ? text : "the compressed archive is damaged";
}

const char *tarx_unpack_name(const struct tarx_unpack *unpack)
{
	return unpack->gunzip ? "gzip" : archive_filter_name(unpack->archive, 0);
}

off_t tarx_unpack_used(const struct tarx_unpack *unpack)
{
	if (unpack->gunzip)
		return tarx_gunzip_used(unpack->gunzip);
	return (off_t)archive_filter_bytes(unpack->archive, -1);
}

void tarx_unpack_release(struct tarx_unpack *unpack)
{
	tarx_gunzip_free(unpack->gunzip);
	archive_read_free(unpack->archive);
	*unpack = (struct tarx_unpack){ 0 };
}
