#include "tarx/reader.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "tarx/pax.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* After a payload that was passed over only the rest of the block is read: where payloads are aligned
 * that is the next header, and not one page of the payload behind it, which would have to come from
 * the disk. The more is read in one piece, the more is read at once. */
#define READ_BLOCK 4096u
#define READ_MOST  (256u << 10)

#define RECORD 10240u /* bytes that GNU tar reads at once */

/* ------------------------------------------------------------------ bytes of the file */

static size_t next_want(size_t want)
{
	if (want < READ_BLOCK)
		return READ_BLOCK;
	return want < READ_MOST ? want * 2 : READ_MOST;
}

/* The next piece of the payload that the archive lies in; at its end an empty one. */
static int next_given(struct tarx_reader *reader)
{
	const void *bytes = NULL;
	int r = tarx_reader_block(reader->outer, &bytes, &reader->given_len, &reader->given_at,
				  &reader->outer_err);

	reader->given = bytes;
	if (r == 0) {
		reader->given_len = 0;
		reader->given_at = reader->size;
	}
	return r < 0 ? r : 0;
}

/* What no piece covers is a hole. */
static ssize_t read_outer(struct tarx_reader *reader, char *buf, size_t want)
{
	off_t left;
	size_t n;
	int r = 0;

	while (r == 0 && reader->given_len == 0 && reader->given_at <= reader->at &&
	       reader->at < reader->size)
		r = next_given(reader);
	if (r < 0)
		return -EIO;
	left = reader->given_at > reader->at ? reader->given_at - reader->at
					     : (off_t)reader->given_len;
	n = left < (off_t)want ? (size_t)left : want;
	if (reader->given_at > reader->at) {
		memset(buf, 0, n);
	} else if (n > 0) {
		memcpy(buf, reader->given, n);
		reader->given += n;
		reader->given_at += (off_t)n;
		reader->given_len -= n;
	}
	return (ssize_t)n;
}

static ssize_t read_bytes(struct tarx_reader *reader, char *buf)
{
	off_t left = reader->size - reader->at;
	size_t want = reader->want;

	if (reader->outer)
		return read_outer(reader, buf, want);
	if (!reader->seekable)
		return tx_read_stream(reader->fd, buf, want);
	if (reader->window && left < (off_t)want)
		want = left > 0 ? (size_t)left : 0;
	return tx_read_at(reader->fd, buf, want, reader->base + reader->at);
}

static ssize_t read_file(struct tarx_reader *reader, char *buf)
{
	ssize_t got = read_bytes(reader, buf);

	if (got < 0) {
		reader->error = (int)-got;
		return got;
	}
	reader->at += got;
	reader->want = next_want(reader->want);
	return got;
}

/* For the decompression; the bytes by which it was recognized come first. */
static ssize_t give_packed(void *data, const void **bytes)
{
	struct tarx_reader *reader = data;
	size_t first = reader->peeked_len;

	*bytes = reader->packed;
	reader->peeked_len = 0;
	return first > 0 ? (ssize_t)first : read_file(reader, reader->packed);
}

/* ------------------------------------------------------------------ bytes of the tar, for libarchive */

/* Room behind the bytes that are still wanted: a member's headers, or what libarchive has not come to. */
static char *make_room(struct tarx_reader *reader, size_t want)
{
	off_t keep = reader->in_header ? reader->headers_at
				       : (off_t)archive_filter_bytes(reader->archive, 0);
	char *room = tarx_tap_room(&reader->tap, keep, want);

	if (!room) {
		reader->too_long = errno == E2BIG;
		reader->error = errno == E2BIG ? 0 : errno;
	}
	return room;
}

static ssize_t read_plain(struct tarx_reader *reader)
{
	char *room = make_room(reader, reader->want);

	return room ? read_file(reader, room) : -1;
}

static ssize_t read_unpacked(struct tarx_reader *reader)
{
	const void *bytes;
	size_t len;
	char *room;
	int r = tarx_unpack_next(&reader->unpack, &bytes, &len);

	if (r <= 0) {
		reader->unpack_failed = r < 0;
		return r;
	}
	room = make_room(reader, len);
	if (!room)
		return -1;
	memcpy(room, bytes, len);
	return (ssize_t)len;
}

static la_ssize_t give_bytes(struct archive *a, void *data, const void **bytes)
{
	struct tarx_reader *reader = data;
	ssize_t got;

	if (reader->peeked) {
		reader->peeked = false;
		*bytes = reader->tap.buf;
		return (la_ssize_t)reader->tap.len;
	}
	got = tarx_unpack_is_open(&reader->unpack) ? read_unpacked(reader) : read_plain(reader);
	if (got < 0) {
		archive_set_error(a, EIO, "read the archive");
		return -1;
	}
	*bytes = reader->tap.buf + reader->tap.len;
	tarx_tap_add(&reader->tap, (size_t)got);
	return got;
}

/* Never past the end of the file, so that libarchive finds out that bytes are missing. */
static la_int64_t pass_bytes(struct archive *a, void *data, la_int64_t n)
{
	struct tarx_reader *reader = data;
	off_t left = reader->size - reader->at;

	(void)a;
	if (!tarx_reader_is_plain(reader) || n <= 0 || left <= 0)
		return 0;
	if (n > left)
		n = left;
	reader->at += n;
	reader->want = READ_BLOCK - (size_t)((reader->base + reader->at) % READ_BLOCK);
	tarx_tap_jump(&reader->tap, reader->at);
	return n;
}

/* ------------------------------------------------------------------ opening */

/* libarchive does not always say. */
static const char *why(struct archive *a)
{
	const char *text = archive_error_string(a);

	return text ? text : "not a tar archive, or damaged";
}

static int fail_reading(const struct tarx_reader *reader, struct tx_err *err)
{
	if (reader->outer_err.code) {
		*err = reader->outer_err;
		return -err->code;
	}
	if (reader->error)
		return tx_fail(err, reader->error, "read at %jd", (intmax_t)reader->at);
	if (reader->too_long)
		return tx_reject(err, E2BIG, "a member with headers of more than %u MiB",
				 TARX_TAP_MOST >> 20);
	if (reader->unpack_failed)
		return tx_reject(err, EBADMSG, "the compressed data are damaged: %s",
				 tarx_unpack_why(&reader->unpack));
	return tx_reject(err, EBADMSG, "%s", why(reader->archive));
}

static int look_at_file(struct tarx_reader *reader)
{
	struct stat st;

	if (fstat(reader->fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	reader->seekable = S_ISREG(st.st_mode);
	reader->is_pipe = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
	if (reader->seekable && reader->fd == STDIN_FILENO)
		reader->base = lseek(reader->fd, 0, SEEK_CUR);
	reader->size = st.st_size - reader->base;
	reader->end = st.st_size;
	reader->holes = (off_t)st.st_blocks * 512 < st.st_size;
	return 0;
}

int tarx_reader_open(struct tarx_reader *reader, const char *path, struct tx_err *err)
{
	int r;

	*reader = (struct tarx_reader){ .fd = STDIN_FILENO, .want = READ_BLOCK };
	if (strcmp(path, "-"))
		reader->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (reader->fd < 0)
		return tx_fail(err, errno, "open");
	if (isatty(reader->fd))
		return tx_reject(err, EINVAL,
				 "an archive is not read from a terminal; name one with -f");
	r = look_at_file(reader);
	return r < 0 ? tx_fail(err, -r, "open") : 0;
}

/* A part of the file, as far as that reaches. */
static int open_window(struct tarx_reader *reader, const struct tarx_reader *outer,
		       const struct align_span *span, struct tx_err *err)
{
	off_t there = span->off < outer->end ? outer->end - span->off : 0;

	reader->fd = fcntl(span->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (reader->fd < 0)
		return tx_fail(err, errno, "open");
	reader->seekable = reader->window = true;
	reader->base = span->off;
	reader->size = span->len < there ? span->len : there;
	reader->end = outer->end;
	reader->holes = outer->holes;
	return 0;
}

int tarx_reader_open_nested(struct tarx_reader *reader, struct tarx_reader *outer,
			    const struct tarx_item *item, struct tx_err *err)
{
	*reader = (struct tarx_reader){ .fd = -1,
					.want = READ_BLOCK,
					.ignore_zeros = outer->ignore_zeros };
	if (item->data.fd >= 0 && !item->segments)
		return open_window(reader, outer, &item->data, err);
	reader->outer = outer;
	reader->size = item->size;
	return 0;
}

/* Reads the first bytes. Returns 1 where a tar begins with them, else 0, or -errno. */
static int peek(struct tarx_reader *reader)
{
	char *room = tarx_tap_room(&reader->tap, 0, READ_BLOCK);
	ssize_t got = room ? read_file(reader, room) : -ENOMEM;

	if (got < 0)
		return (int)got;
	tarx_tap_add(&reader->tap, (size_t)got);
	reader->peeked = true;
	return got >= (ssize_t)TARX_BLOCK &&
	       (tarx_block_is_header(room) || tarx_block_is_zero(room));
}

/* Sends the bytes through the decompression, those that were read first. */
static int begin_unpacking(struct tarx_reader *reader, struct tx_err *err)
{
	int r;

	reader->packed = malloc(READ_MOST);
	if (!reader->packed)
		return tx_fail(err, ENOMEM, "read");
	reader->peeked_len = reader->tap.len;
	if (reader->peeked_len > 0)
		memcpy(reader->packed, reader->tap.buf, reader->peeked_len);
	tarx_tap_jump(&reader->tap, 0);
	reader->peeked = false;
	r = tarx_unpack_open(&reader->unpack, give_packed, reader, reader->packed,
			     reader->peeked_len);
	reader->unpack_failed = r < 0;
	if (r < 0)
		return fail_reading(reader, err);
	return r > 0 ? 0 : tx_reject(err, EINVAL, "not a tar archive, or damaged");
}

static int begin_tar(struct tarx_reader *reader, struct tx_err *err)
{
	struct archive *a = archive_read_new();

	reader->archive = a;
	if (!a)
		return tx_fail(err, ENOMEM, "read");
	archive_read_support_format_tar(a);
	if (reader->ignore_zeros)
		archive_read_set_format_option(a, "tar", "read_concatenated_archives", "1");
	archive_read_set_callback_data(a, reader);
	archive_read_set_read_callback(a, give_bytes);
	archive_read_set_skip_callback(a, pass_bytes);
	return archive_read_open1(a) == ARCHIVE_OK ? 0 : fail_reading(reader, err);
}

static int begin(struct tarx_reader *reader, struct tx_err *err)
{
	int r = peek(reader);

	if (r < 0 && reader->outer_err.code)
		return fail_reading(reader, err);
	if (r < 0)
		return tx_fail(err, -r, "read");
	if (r == 0) {
		r = begin_unpacking(reader, err);
		if (r < 0)
			return r;
	}
	return begin_tar(reader, err);
}

bool tarx_reader_is_plain(const struct tarx_reader *reader)
{
	return reader->seekable && !tarx_unpack_is_open(&reader->unpack);
}

/* ------------------------------------------------------------------ an entry as an item */

/* libarchive compares names with the locale's characters. tarx knows only bytes and never leaves
 * the C locale, where libarchive keeps the bytes and says this. */
static bool is_about_characters(const char *doubt)
{
	return doubt && strstr(doubt, "can't be converted from");
}

/* (uid_t)-1 means "leave it" to chown(2). */
static bool is_id(la_int64_t id)
{
	return id >= 0 && id < UINT32_MAX;
}

static void take_entry(struct archive_entry *entry, struct tarx_item *item)
{
	const char *path = archive_entry_pathname(entry);

	*item = (struct tarx_item){
		.path = path ? path : "",
		.link = archive_entry_hardlink(entry),
		.mode = archive_entry_mode(entry),
		.uid = (uid_t)archive_entry_uid(entry),
		.gid = (gid_t)archive_entry_gid(entry),
		.uname = archive_entry_uname(entry),
		.gname = archive_entry_gname(entry),
		.mtime = { archive_entry_mtime(entry), archive_entry_mtime_nsec(entry) },
		.rdev = archive_entry_rdev(entry),
		.size = archive_entry_size(entry),
		.data = { .fd = -1 },
	};
	item->no_owner = !is_id(archive_entry_uid(entry)) || !is_id(archive_entry_gid(entry));
	item->hardlink = item->link;
	if (!item->link)
		item->link = archive_entry_symlink(entry);
	if (item->hardlink || !(item->mode & S_IFMT))
		item->mode = (item->mode & ~(mode_t)S_IFMT) | S_IFREG;
	item->whiteout = tarx_is_whiteout(item->mode, item->rdev);
	if (!S_ISREG(item->mode))
		item->size = 0;
}

/* Where the segments lie in the file, instead of in the payload. */
static int place_segments(struct tarx_reader *reader, struct tarx_item *item)
{
	const struct tarx_payload *payload = &reader->payload;
	struct tarx_segment *list = tx_arena_take(&reader->arena,
						  (payload->count + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < payload->count; i++) {
		list[i] = payload->segments[i];
		list[i].at += item->data.off;
	}
	item->segments = list;
	return 0;
}

/* The payload as it lies in the file, unless bytes were decompressed or come through a pipe. AT is where it
 * begins in the tar. */
static int take_payload(struct tarx_reader *reader, struct tarx_item *item,
			const struct tarx_headers *headers, off_t at)
{
	struct tarx_payload *payload = &reader->payload;
	int r = tarx_sparse_read(payload, headers, &reader->arena);

	if (r < 0)
		return r;
	if (payload->fault) {
		item->broken = payload->fault;
		return 0;
	}
	item->size = payload->size;
	item->segments = payload->segments;
	item->segment_count = payload->count;
	item->data = (struct align_span){ .fd = -1, .len = payload->stored };
	if (!tarx_reader_is_plain(reader))
		return 0;
	if (reader->window && payload->stored > reader->size - at) {
		item->broken = "its content goes beyond the end of the archive that it is in";
		return 0;
	}
	item->data.fd = reader->fd;
	item->data.off = reader->base + at;
	item->data.end = reader->end;
	item->data.holes = reader->holes;
	return item->segments ? place_segments(reader, item) : 0;
}

/* Members that are no files of their own. */
static const char *refuse_type(const struct tarx_headers *headers)
{
	switch (headers->ustar[TARX_AT_TYPE]) {
	case 'M':
		return "the rest of a file that began in another volume";
	case 'N':
		return "names in an old form of GNU tar's that no program reads any more";
	default:
		return NULL;
	}
}

static int take_item(struct tarx_reader *reader, struct tarx_item *item, struct tx_err *err)
{
	off_t at = (off_t)archive_filter_bytes(reader->archive, 0);
	size_t len = (size_t)(at - reader->headers_at);
	const char *bytes = tarx_tap_bytes(&reader->tap, reader->headers_at, len);
	struct tarx_headers headers;
	int r;

	take_entry(reader->entry, item);
	reader->payload = (struct tarx_payload){ 0 };
	if (!bytes || !tarx_headers_cut(&headers, bytes, len)) {
		item->broken = "its headers cannot be read";
		return 0;
	}
	tarx_body_cut_padding(&headers.x);
	r = tarx_globals_add(&reader->globals, &headers, err);
	if (r < 0)
		return r;
	reader->label |= headers.label;
	item->type = headers.ustar[TARX_AT_TYPE];
	item->broken = refuse_type(&headers);
	r = tarx_facts_take(item, &headers, &reader->globals, &reader->arena);
	if (r == 0 && !item->broken && S_ISREG(item->mode) && !item->hardlink)
		r = take_payload(reader, item, &headers, at);
	return r < 0 ? tx_fail(err, -r, "read a header") : 0;
}

/* Podman's reflink experiment filled gaps with headers without a name. */
static bool is_filler(const struct tarx_item *item)
{
	return !*item->path && item->whiteout;
}

/* ------------------------------------------------------------------ from member to member */

/* Passes over what is left of the payload. (libarchive counts stored holes when it reads, and not when it
 * passes over them.) */
static int finish_data(struct tarx_reader *reader, struct tx_err *err)
{
	const void *bytes;
	size_t len;
	la_int64_t off;
	int r = ARCHIVE_OK;

	reader->in_data = false;
	reader->piece_len = 0;
	while (reader->payload.holes > 0 && (r == ARCHIVE_OK || r == ARCHIVE_WARN))
		r = archive_read_data_block(reader->archive, &bytes, &len, &off);
	if (r != ARCHIVE_FATAL)
		r = archive_read_data_skip(reader->archive);
	return r == ARCHIVE_OK || r == ARCHIVE_WARN ? 0 : fail_reading(reader, err);
}

/* One header. 1, 0 at the end, -EAGAIN: this one is damaged, the next may be read; else broken. */
static int next_header(struct tarx_reader *reader, struct tx_err *err)
{
	int r = reader->in_data ? finish_data(reader, err) : 0;

	if (r < 0)
		return r;
	reader->headers_at = (off_t)archive_filter_bytes(reader->archive, 0);
	reader->in_header = true;
	r = archive_read_next_header(reader->archive, &reader->entry);
	reader->in_header = false;
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN) {
		reader->in_data = true;
		reader->segment = 0;
		reader->segment_done = 0;
		return 1;
	}
	if (r == ARCHIVE_EOF)
		return 0;
	if (r == ARCHIVE_RETRY && !reader->error && !reader->unpack_failed)
		return -EAGAIN;
	return fail_reading(reader, err);
}

/* What there was instead of two blocks of zeros. */
static void look_at_end(struct tarx_reader *reader)
{
	off_t at = (off_t)archive_filter_bytes(reader->archive, 0);
	const char *behind = tarx_tap_bytes(&reader->tap, at, TARX_BLOCK);

	if (at == reader->headers_at)
		reader->doubt = "has no end mark: it may have been cut off";
	else if (at == reader->headers_at + TARX_BLOCK && behind && !tarx_block_is_zero(behind))
		reader->doubt = "has a single block of zeros, which is taken for its end; there is "
				"more behind it (-i reads on)";
}

static void note_rest(struct tarx_reader *reader, const char *bytes, size_t len)
{
	reader->more |= bytes && len > 0 && (*bytes || memcmp(bytes, bytes + 1, len - 1) != 0);
}

/* What was read already of what lies behind the end. */
static void note_read_ahead(struct tarx_reader *reader)
{
	off_t at = (off_t)archive_filter_bytes(reader->archive, 0);
	size_t len = (size_t)(tarx_tap_end(&reader->tap) - at);

	note_rest(reader, tarx_tap_bytes(&reader->tap, at, len), len);
}

/* Reads on to the end of a compressed stream, whose checksum is there, and of a pipe, whose writer would
 * otherwise be killed. */
static int drain(struct tarx_reader *reader, struct tx_err *err)
{
	const void *bytes;
	size_t len;
	ssize_t got;
	char *room;
	int r = 1;

	if (!tarx_unpack_is_open(&reader->unpack) && !reader->is_pipe)
		return 0;
	note_read_ahead(reader);
	room = tarx_tap_room(&reader->tap, tarx_tap_end(&reader->tap), READ_MOST);
	if (!room)
		return tx_fail(err, ENOMEM, "read to the end");
	while (r > 0 && tarx_unpack_is_open(&reader->unpack)) {
		r = tarx_unpack_next(&reader->unpack, &bytes, &len);
		if (r > 0)
			note_rest(reader, bytes, len);
	}
	reader->unpack_failed = r < 0;
	if (r < 0)
		return fail_reading(reader, err);
	while ((got = read_file(reader, room)) > 0)
		if (!tarx_unpack_is_open(&reader->unpack))
			note_rest(reader, room, (size_t)got);
	if (tarx_unpack_is_open(&reader->unpack) && tarx_unpack_used(&reader->unpack) < reader->at)
		reader->doubt = "has bytes behind the compressed data that were not looked at";
	return reader->error ? fail_reading(reader, err) : 0;
}

static int finish(struct tarx_reader *reader, struct tx_err *err)
{
	look_at_end(reader);
	return drain(reader, err);
}

/* What is to be told of the member, by libarchive or by us. */
static void gather_doubts(const struct tarx_reader *reader, struct tarx_item *item)
{
	const char *doubt = archive_error_string(reader->archive);

	if (doubt && !is_about_characters(doubt))
		item->warning = doubt;
	if (item->no_owner)
		item->warning = "its owner's number is none that this system has";
}

int tarx_reader_next(struct tarx_reader *reader, struct tarx_item *item, struct tx_err *err)
{
	int r = reader->archive ? 0 : begin(reader, err);

	if (r < 0)
		return r;
	for (;;) {
		r = next_header(reader, err);
		if (r == -EAGAIN) {
			reader->damaged = true;
			continue;
		}
		if (r == 0)
			return finish(reader, err);
		if (r < 0)
			return r;
		tx_arena_reset(&reader->arena);
		r = take_item(reader, item, err);
		if (r < 0)
			return r;
		if (item->size < 0)
			return tx_reject(err, EBADMSG, "a member of %jd bytes",
					 (intmax_t)item->size);
		if (is_filler(item))
			continue;
		gather_doubts(reader, item);
		return 1;
	}
}

/* ------------------------------------------------------------------ payloads as a stream */

/* The next bytes of the stream, of which the last piece may be left. */
static int next_piece(struct tarx_reader *reader, struct tx_err *err)
{
	const void *bytes;
	la_int64_t at;
	int r;

	if (reader->piece_len > 0)
		return 1;
	r = archive_read_data_block(reader->archive, &bytes, &reader->piece_len, &at);
	reader->piece = bytes;
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
		return 1;
	reader->piece_len = 0;
	return r == ARCHIVE_EOF ? 0 : fail_reading(reader, err);
}

/* The map says where they belong; libarchive's own, which it does not check, and finds in headers of
 * other types too, is not asked. */
static int next_of_segments(struct tarx_reader *reader, const void **bytes, size_t *len, off_t *off,
			    struct tx_err *err)
{
	const struct tarx_payload *payload = &reader->payload;
	const struct tarx_segment *segment = &payload->segments[reader->segment];
	off_t left;
	int r = next_piece(reader, err);

	if (r < 0)
		return r;
	if (reader->segment == payload->count)
		return r == 0 ? 0 : tx_reject(err, EBADMSG, "more data than its map of holes says");
	if (r == 0)
		return tx_reject(err, EBADMSG, "less data than its map of holes says");
	left = segment->len - reader->segment_done;
	*bytes = reader->piece;
	*len = (off_t)reader->piece_len < left ? reader->piece_len : (size_t)left;
	*off = segment->off + reader->segment_done;
	reader->piece += *len;
	reader->piece_len -= *len;
	reader->segment_done += (off_t)*len;
	if (reader->segment_done == segment->len) {
		reader->segment++;
		reader->segment_done = 0;
	}
	return 1;
}

int tarx_reader_block(struct tarx_reader *reader, const void **bytes, size_t *len, off_t *off,
		      struct tx_err *err)
{
	int r;

	if (reader->payload.segments)
		return next_of_segments(reader, bytes, len, off, err);
	r = next_piece(reader, err);
	if (r <= 0)
		return r;
	*bytes = reader->piece;
	*len = reader->piece_len;
	*off = reader->segment_done;
	reader->segment_done += (off_t)*len;
	reader->piece_len = 0;
	return 1;
}

bool tarx_reader_keeps_fractions(const struct tarx_reader *reader)
{
	return archive_format(reader->archive) == ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE;
}

off_t tarx_reader_header(const struct tarx_reader *reader)
{
	return (off_t)archive_read_header_position(reader->archive);
}

uint64_t tarx_reader_length(const struct tarx_reader *reader)
{
	uint64_t at = reader->archive ? (uint64_t)archive_filter_bytes(reader->archive, 0) : 0;
	uint64_t whole = (at + RECORD - 1) / RECORD * RECORD;

	return tarx_reader_is_plain(reader) && whole > (uint64_t)reader->size
		       ? (uint64_t)reader->size
		       : whole;
}

const char *tarx_reader_compression(const struct tarx_reader *reader)
{
	return tarx_unpack_is_open(&reader->unpack) ? tarx_unpack_name(&reader->unpack) : NULL;
}

void tarx_reader_release(struct tarx_reader *reader)
{
	archive_read_free(reader->archive);
	tarx_unpack_release(&reader->unpack);
	tarx_tap_release(&reader->tap);
	tarx_globals_release(&reader->globals);
	tx_arena_release(&reader->arena);
	free(reader->packed);
	if (reader->fd != STDIN_FILENO)
		tx_fd_release(&reader->fd);
	*reader = (struct tarx_reader){ .fd = -1 };
}
