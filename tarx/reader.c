#include "tarx/reader.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "tarx/pax.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* After a payload that was passed over only the rest of the block is read: where payloads are aligned
 * that is the next header, and not one page of the payload behind it, which would have to come from
 * the disk. The more is read in one piece, the more is read at once. */
#define READ_BLOCK   4096u
#define READ_MOST    (256u << 10)
#define HEADERS_MOST (2 << 20) /* longer ones are not looked into */

/* ------------------------------------------------------------------ bytes for libarchive */

static size_t next_want(size_t want)
{
	if (want < READ_BLOCK)
		return READ_BLOCK;
	return want < READ_MOST ? want * 2 : READ_MOST;
}

static la_ssize_t give_bytes(struct archive *a, void *data, const void **bytes)
{
	struct tarx_reader *reader = data;
	ssize_t got = reader->seekable ? tx_read_at(reader->fd, reader->buf, reader->want,
						    reader->base + reader->at)
				       : tx_read_stream(reader->fd, reader->buf, reader->want);

	if (got < 0) {
		reader->error = (int)-got;
		archive_set_error(a, reader->error, "read the archive at %jd",
				  (intmax_t)reader->at);
		return -1;
	}
	reader->at += got;
	reader->got = (size_t)got;
	reader->want = next_want(reader->want);
	*bytes = reader->buf;
	return got;
}

/* Never past the end of the file, so that libarchive finds out that bytes are missing. */
static la_int64_t pass_bytes(struct archive *a, void *data, la_int64_t n)
{
	struct tarx_reader *reader = data;
	off_t left = reader->size - reader->at;

	(void)a;
	if (!reader->seekable || n <= 0 || left <= 0)
		return 0;
	if (n > left)
		n = left;
	reader->at += n;
	reader->want = READ_BLOCK - (size_t)((reader->base + reader->at) % READ_BLOCK);
	return n;
}

/* ------------------------------------------------------------------ opening */

/* libarchive does not always say. */
static const char *why(struct archive *a)
{
	const char *text = archive_error_string(a);

	return text ? text : "not a tar archive, or damaged";
}

static int look_at_file(struct tarx_reader *reader)
{
	struct stat st;

	if (fstat(reader->fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	reader->seekable = S_ISREG(st.st_mode);
	if (reader->seekable && reader->fd == STDIN_FILENO)
		reader->base = lseek(reader->fd, 0, SEEK_CUR);
	reader->size = st.st_size - reader->base;
	reader->holes = (off_t)st.st_blocks * 512 < st.st_size;
	return 0;
}

static int begin(struct tarx_reader *reader, struct tx_err *err)
{
	struct archive *a = archive_read_new();

	reader->archive = a;
	reader->buf = malloc(READ_MOST);
	if (!a || !reader->buf)
		return tx_fail(err, ENOMEM, "read");
	/* By name, and not "all": that would run programs it finds for rarer compressions. */
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_lzip(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_filter_compress(a);
	archive_read_support_format_tar(a);
	archive_read_set_callback_data(a, reader);
	archive_read_set_read_callback(a, give_bytes);
	archive_read_set_skip_callback(a, pass_bytes);
	if (archive_read_open1(a) != ARCHIVE_OK)
		return tx_reject(err, reader->error ? reader->error : EINVAL, "%s", why(a));
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
	return r < 0 ? tx_fail(err, -r, "open") : begin(reader, err);
}

/* ------------------------------------------------------------------ an entry as an item */

/* libarchive compares names with the locale's characters. tarx knows only bytes and never leaves
 * the C locale, where libarchive keeps the bytes and says this. */
static bool is_about_characters(const char *doubt)
{
	return doubt && strstr(doubt, "can't be converted from");
}

bool tarx_reader_is_plain(const struct tarx_reader *reader)
{
	return reader->seekable && archive_filter_count(reader->archive) <= 1;
}

/* Undoes GNU tar's spelling of "%" and "=" in a keyword, in place. */
static void unspell_xattr(char *name)
{
	char *to = name;

	while (*name) {
		if (!strncmp(name, "%25", 3) || !strncasecmp(name, "%3D", 3)) {
			*to++ = name[1] == '2' ? '%' : '=';
			name += 3;
		} else {
			*to++ = *name++;
		}
	}
	*to = '\0';
}

/* A name that comes twice (as from libarchive, in two spellings) counts once. */
static bool knows_xattr(const struct tarx_xattr *xattrs, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(xattrs[i].name, name))
			return true;
	return false;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Whether SPELLED is NAME with bytes as %XX. */
static bool is_url_spelling(const char *spelled, const char *name)
{
	bool any = false;

	while (*spelled && *name) {
		if (*spelled == '%' && hex(spelled[1]) >= 0 && hex(spelled[2]) >= 0 &&
		    (hex(spelled[1]) << 4 | hex(spelled[2])) == (unsigned char)*name) {
			any = true;
			spelled += 3;
		} else if (*spelled++ != *name) {
			return false;
		}
		name++;
	}
	return any && !*spelled && !*name;
}

/* libarchive writes each attribute under two keywords, and odd names in one of them as in a URL,
 * which nothing undoes: of such a pair the plain name stays. */
static void drop_spellings(struct tarx_xattr *xattrs, size_t *count)
{
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++) {
		bool spelling = false;

		for (size_t j = 0; j < *count && !spelling && strchr(xattrs[i].name, '%'); j++)
			spelling = xattrs[i].len == xattrs[j].len &&
				   (xattrs[i].len == 0 ||
				    !memcmp(xattrs[i].value, xattrs[j].value, xattrs[i].len)) &&
				   is_url_spelling(xattrs[i].name, xattrs[j].name);
		if (!spelling)
			xattrs[kept++] = xattrs[i];
	}
	*count = kept;
}

static int take_xattrs(struct tarx_reader *reader, struct tarx_item *item)
{
	int n = archive_entry_xattr_reset(reader->entry);
	struct tarx_xattr *xattrs;
	const char *name;
	const void *value;
	size_t len;

	if (n <= 0)
		return 0;
	xattrs = tx_arena_take(&reader->arena, (size_t)n * sizeof(*xattrs));
	if (!xattrs)
		return -ENOMEM;
	while (archive_entry_xattr_next(reader->entry, &name, &value, &len) == ARCHIVE_OK) {
		char *plain = tx_arena_copy(&reader->arena, name, strlen(name));

		if (!plain)
			return -ENOMEM;
		unspell_xattr(plain);
		if (!knows_xattr(xattrs, item->xattr_count, plain))
			xattrs[item->xattr_count++] =
				(struct tarx_xattr){ .name = plain, .value = value, .len = len };
	}
	drop_spellings(xattrs, &item->xattr_count);
	item->xattrs = xattrs;
	return 0;
}

static int take_acl(struct tarx_reader *reader, int type, const char **out)
{
	int style = type | ARCHIVE_ENTRY_ACL_STYLE_EXTRA_ID |
		    ARCHIVE_ENTRY_ACL_STYLE_SEPARATOR_COMMA;
	char *text;

	if (archive_entry_acl_count(reader->entry, type) == 0)
		return 0;
	text = archive_entry_acl_to_text(reader->entry, NULL, style);
	if (!text)
		return 0;
	/* Where libarchive leaves numbers that are too large for it. */
	if (strstr(text, ":2147483647")) {
		free(text);
		return -ERANGE;
	}
	*out = tx_arena_copy(&reader->arena, text, strlen(text));
	free(text);
	return *out ? 0 : -ENOMEM;
}

/* libarchive puts an ACL's group entry in the place of the mode's group bits, which are its mask. */
static mode_t mode_of_acl(mode_t mode, const char *acl)
{
	const char *mask = acl ? strstr(acl, "mask::") : NULL;
	mode_t bits = 0;

	if (!mask)
		return mode;
	for (const char *c = mask + strlen("mask::"); *c && *c != ',' && *c != ':'; c++)
		bits |= *c == 'r' ? 4 : *c == 'w' ? 2 : *c == 'x' ? 1 : 0;
	return (mode & ~(mode_t)S_IRWXG) | bits << 3;
}

/* Whether as many bytes are stored as the entry says it has; AT is where they begin. Its headers were
 * mostly just read. */
static bool is_stored_whole(const struct tarx_reader *reader, off_t at, off_t size)
{
	off_t start = (off_t)archive_read_header_position(reader->archive), n = at - start;
	off_t read_from = reader->at - (off_t)reader->got;
	TX_FREE char *room = NULL;

	if (n <= 0 || n > HEADERS_MOST)
		return false;
	if (start >= read_from && at <= reader->at)
		return tarx_pax_is_stored_whole(reader->buf + (start - read_from), (size_t)n,
						(uint64_t)size);
	room = malloc((size_t)n);
	return room && tx_read_at(reader->fd, room, (size_t)n, reader->base + start) == n &&
	       tarx_pax_is_stored_whole(room, (size_t)n, (uint64_t)size);
}

/* The payload as it lies in the file, unless the entry is sparse or bytes were decompressed. */
static void take_payload(struct tarx_reader *reader, struct tarx_item *item)
{
	off_t at;

	item->data = (struct align_span){ .fd = -1, .len = item->size };
	if (!tarx_reader_is_plain(reader) || archive_entry_sparse_count(reader->entry) > 0)
		return;
	at = (off_t)archive_filter_bytes(reader->archive, 0);
	if (!is_stored_whole(reader, at, item->size))
		return;
	item->data.fd = reader->fd;
	item->data.end = reader->base + reader->size;
	item->data.off = reader->base + at;
	item->data.holes = reader->holes;
}

/* libarchive takes the decimal fraction of a time before 1970 for one that counts upwards. (Of times
 * within the last second before it loses the sign, which nothing brings back.) */
static struct timespec take_time(struct archive_entry *entry)
{
	struct timespec t = { archive_entry_mtime(entry), archive_entry_mtime_nsec(entry) };

	if (t.tv_sec < 0 && t.tv_nsec > 0)
		t = (struct timespec){ t.tv_sec - 1, 1000000000 - t.tv_nsec };
	return t;
}

/* (uid_t)-1 means "leave it" to chown(2). */
static bool is_id(la_int64_t id)
{
	return id >= 0 && id < UINT32_MAX;
}

static int take_acls(struct tarx_reader *reader, struct tarx_item *item)
{
	int r = take_acl(reader, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, &item->acl_access);

	if (r == 0)
		r = take_acl(reader, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, &item->acl_default);
	if (r != -ERANGE)
		return r;
	item->acl_access = item->acl_default = NULL;
	item->warning = "its ACL is left out: it names a number over 2147483646";
	return 0;
}

static int take_item(struct tarx_reader *reader, struct tarx_item *item)
{
	struct archive_entry *entry = reader->entry;
	const char *path = archive_entry_pathname(entry);
	int r;

	*item = (struct tarx_item){
		.path = path ? path : "",
		.link = archive_entry_hardlink(entry),
		.mode = archive_entry_mode(entry),
		.uid = (uid_t)archive_entry_uid(entry),
		.gid = (gid_t)archive_entry_gid(entry),
		.uname = archive_entry_uname(entry),
		.gname = archive_entry_gname(entry),
		.mtime = take_time(entry),
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
	if (S_ISREG(item->mode) && !item->hardlink)
		take_payload(reader, item);
	else if (!item->hardlink)
		item->size = 0;
	r = take_xattrs(reader, item);
	if (r == 0)
		r = take_acls(reader, item);
	item->mode = mode_of_acl(item->mode, item->acl_access);
	return r;
}

/* Podman's reflink experiment filled gaps with headers without a name. */
static bool is_filler(const struct tarx_item *item)
{
	return !*item->path && item->whiteout;
}

static int fail_reading(const struct tarx_reader *reader, struct tx_err *err)
{
	if (reader->error)
		return tx_fail(err, reader->error, "read at %jd", (intmax_t)reader->at);
	return tx_reject(err, EBADMSG, "%s", why(reader->archive));
}

/* One header. 1, 0 at the end, -EAGAIN: this one is damaged, the next may be read; else broken. */
static int next_header(struct tarx_reader *reader, struct tx_err *err)
{
	int r = archive_read_next_header(reader->archive, &reader->entry);

	if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
		return 1;
	if (r == ARCHIVE_EOF)
		return 0;
	if (r == ARCHIVE_RETRY && !reader->error)
		return -EAGAIN;
	return fail_reading(reader, err);
}

int tarx_reader_next(struct tarx_reader *reader, struct tarx_item *item, struct tx_err *err)
{
	for (;;) {
		const char *doubt;
		int r = next_header(reader, err);

		if (r == -EAGAIN) {
			reader->damaged = true;
			continue;
		}
		if (r <= 0)
			return r;
		doubt = archive_error_string(reader->archive);
		tx_arena_reset(&reader->arena);
		r = take_item(reader, item);
		if (r < 0)
			return tx_fail(err, -r, "read a header");
		if (item->size < 0)
			return tx_reject(err, EBADMSG, "a member of %jd bytes",
					 (intmax_t)item->size);
		if (is_filler(item))
			continue;
		if (doubt && !is_about_characters(doubt))
			item->warning = doubt;
		if (item->no_owner)
			item->warning = "its owner's number is none that this system has";
		return 1;
	}
}

int tarx_reader_block(struct tarx_reader *reader, const void **bytes, size_t *len, off_t *off,
		      struct tx_err *err)
{
	la_int64_t at;
	int r = archive_read_data_block(reader->archive, bytes, len, &at);

	*off = at;
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
		return 1;
	if (r == ARCHIVE_EOF)
		return 0;
	return fail_reading(reader, err);
}

bool tarx_reader_keeps_fractions(const struct tarx_reader *reader)
{
	return archive_format(reader->archive) == ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE;
}

off_t tarx_reader_header(const struct tarx_reader *reader)
{
	return (off_t)archive_read_header_position(reader->archive);
}

void tarx_reader_release(struct tarx_reader *reader)
{
	archive_read_free(reader->archive);
	tx_arena_release(&reader->arena);
	free(reader->buf);
	if (reader->fd != STDIN_FILENO)
		tx_fd_release(&reader->fd);
	*reader = (struct tarx_reader){ .fd = -1 };
}
