#include "tarx/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

static la_ssize_t give_bytes(struct archive *a, void *data, const void **bytes)
{
	struct tarx_unpack *unpack = data;
	ssize_t got = unpack->source(unpack->data, bytes);

	if (got < 0)
		archive_set_error(a, (int)-got, "read");
	return got;
}

int tarx_unpack_open(struct tarx_unpack *unpack, tarx_unpack_source *source, void *data)
{
	struct archive *a = archive_read_new();

	*unpack = (struct tarx_unpack){ .archive = a, .source = source, .data = data };
	if (!a)
		return -ENOMEM;
	/* By name, and not "all": that would run programs it finds for rarer compressions. */
	archive_read_support_filter_gzip(a);
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
	int r = unpack->begun ? 1 : begin(unpack);

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
	const char *text = archive_error_string(unpack->archive);

	return text ? text : "the compressed archive is damaged";
}

off_t tarx_unpack_used(const struct tarx_unpack *unpack)
{
	return (off_t)archive_filter_bytes(unpack->archive, -1);
}

void tarx_unpack_release(struct tarx_unpack *unpack)
{
	archive_read_free(unpack->archive);
	*unpack = (struct tarx_unpack){ 0 };
}
