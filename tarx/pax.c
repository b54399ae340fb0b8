#include "tarx/pax.h"

#include "align/block.h"
#include "tarx/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Byte offsets in a ustar header. */
enum {
	NAME = 0,
	MODE = 100,
	SIZE = 124,
	MTIME = 136,
	CHECKSUM = 148,
	TYPE = 156,
	LINKNAME = 157,
	UNAME = 265,
	GNAME = 297,
	DEVMAJOR = 329,
	DEVMINOR = 337,
	PREFIX = 345,
};

#define SIZE_LEN    12u
#define NAME_ROOM   100u
#define OWNER_ROOM  32u
#define DEVICE_ROOM 8u /* with a NUL */
#define MOST_DEVICE 07777777u
#define PREFIX_ROOM 155u
#define RECORD_MAX  512u /* longer ones fail in MirBSD pax */
#define RECORD_MIN  13u /* "13 comment=.\n" */
#define BODY_USUAL  65536u
#define BODY_MAX    (1u << 20) /* from here on some readers drop the header in silence */
#define ALIGN_USUAL 32768u
#define FILLER      '.'

static bool has_x(const char *bytes, size_t len)
{
	return len >= 2 * TARX_BLOCK && bytes[TYPE] == 'x';
}

/* The declared size of the x header's body, in bytes; never more than what is there. */
static size_t body_size(const char *bytes, size_t len)
{
	char digits[13];
	size_t size;

	memcpy(digits, bytes + SIZE, 12);
	digits[12] = '\0';
	size = strtoul(digits, NULL, 8);
	return size <= len - 2 * TARX_BLOCK ? size : len - 2 * TARX_BLOCK;
}

static void put_octal(char *to, size_t number, unsigned int digits)
{
	to[digits] = '\0';
	for (; digits > 0; number >>= 3)
		to[--digits] = (char)('0' + (number & 7));
}

void tarx_pax_sum(char *header)
{
	unsigned int sum = 0;

	memset(header + CHECKSUM, ' ', 8);
	for (unsigned int i = 0; i < TARX_BLOCK; i++)
		sum += (unsigned char)header[i];
	put_octal(header + CHECKSUM, sum, 6);
}

static void seal(char *header, size_t size)
{
	put_octal(header + SIZE, size, 11);
	tarx_pax_sum(header);
}

/* Moves what lies behind the body so that it follows a body of SIZE, and declares that size. */
static size_t resize_body(char *bytes, size_t len, size_t size)
{
	size_t behind = TARX_BLOCK + align_up(body_size(bytes, len), TARX_BLOCK);
	size_t now = TARX_BLOCK + align_up(size, TARX_BLOCK);

	memmove(bytes + now, bytes + behind, len - behind);
	memset(bytes + TARX_BLOCK + size, 0, now - TARX_BLOCK - size);
	seal(bytes, size);
	return now + (len - behind);
}

static void begin_x(char *bytes, const char *ustar)
{
	char name[NAME_ROOM + 1];
	const char *base;

	memcpy(name, ustar + NAME, NAME_ROOM);
	name[NAME_ROOM] = '\0';
	for (size_t end = strlen(name); end > 0 && name[end - 1] == '/'; end--)
		name[end - 1] = '\0';
	base = strrchr(name, '/');
	base = base ? base + 1 : name;
	memcpy(bytes, ustar, TARX_BLOCK);
	memset(bytes + NAME, 0, NAME_ROOM);
	snprintf(bytes + NAME, NAME_ROOM, "PaxHeaders/%.80s", *base ? base : "member");
	memcpy(bytes + MODE, "0000644", 8);
	bytes[TYPE] = 'x';
	memset(bytes + LINKNAME, 0, NAME_ROOM);
	memset(bytes + DEVMAJOR, 0, PREFIX - DEVMAJOR);
	memset(bytes + PREFIX, 0, TARX_BLOCK - PREFIX);
}

typedef bool is_unwanted(const struct tarx_record *record, const void *data);

/* Takes the unwanted records out, and the x header where none is left. */
static size_t sift(char *bytes, size_t len, is_unwanted *unwanted, const void *data)
{
	char *body = bytes + TARX_BLOCK;
	size_t size, kept = 0, behind;
	struct tarx_record record;

	if (!has_x(bytes, len))
		return len;
	size = body_size(bytes, len);
	for (size_t at = 0; at < size; at += record.len) {
		if (!tarx_record_cut(&record, body + at, size - at))
			return len; /* not as libarchive writes it: left alone */
		if (unwanted(&record, data))
			continue;
		memmove(body + kept, body + at, record.len);
		kept += record.len;
	}
	if (kept > 0)
		return kept == size ? len : resize_body(bytes, len, kept);
	behind = TARX_BLOCK + align_up(size, TARX_BLOCK);
	memmove(bytes, bytes + behind, len - behind);
	return len - behind;
}

static bool is_of_key(const struct tarx_record *record, const void *key)
{
	return tarx_record_is(record, key);
}

size_t tarx_pax_drop(char *bytes, size_t len, const char *key)
{
	return sift(bytes, len, is_of_key, key);
}

static bool is_field(const struct tarx_record *record, const char *field, size_t room)
{
	return record->value_len == strnlen(field, room) &&
	       !memcmp(record->value, field, record->value_len);
}

/* The name may be cut in two at a slash. */
static bool is_name(const struct tarx_record *record, const char *ustar)
{
	size_t before = strnlen(ustar + PREFIX, PREFIX_ROOM),
	       name = strnlen(ustar + NAME, NAME_ROOM);

	if (before == 0)
		return is_field(record, ustar + NAME, NAME_ROOM);
	return record->value_len == before + 1 + name && record->value[before] == '/' &&
	       !memcmp(record->value, ustar + PREFIX, before) &&
	       !memcmp(record->value + before + 1, ustar + NAME, name);
}

static bool is_said_again(const struct tarx_record *record, const void *ustar)
{
	const char *header = ustar;

	if (tarx_record_is(record, "path"))
		return is_name(record, header);
	if (tarx_record_is(record, "linkpath"))
		return is_field(record, header + LINKNAME, NAME_ROOM);
	if (tarx_record_is(record, "uname"))
		return is_field(record, header + UNAME, OWNER_ROOM);
	if (tarx_record_is(record, "gname"))
		return is_field(record, header + GNAME, OWNER_ROOM);
	return false;
}

void tarx_pax_renew(char *bytes, size_t len)
{
	size_t size;

	if (!has_x(bytes, len))
		return;
	size = body_size(bytes, len);
	begin_x(bytes, bytes + len - TARX_BLOCK);
	seal(bytes, size);
}

size_t tarx_pax_trim(char *bytes, size_t len)
{
	char ustar[TARX_BLOCK];

	memcpy(ustar, bytes + len - TARX_BLOCK, TARX_BLOCK);
	return sift(bytes, len, is_said_again, ustar);
}

void tarx_pax_clear_time(char *bytes, size_t len)
{
	char *ustar = bytes + len - TARX_BLOCK;

	memcpy(ustar + MTIME, "00000000000", 12);
	tarx_pax_sum(ustar);
}

size_t tarx_pax_device(char *bytes, size_t len, unsigned int major, unsigned int minor)
{
	char *ustar = bytes + len - TARX_BLOCK;

	if (major > MOST_DEVICE || minor > MOST_DEVICE)
		return len;
	snprintf(ustar + DEVMAJOR, DEVICE_ROOM, "%07o", major);
	snprintf(ustar + DEVMINOR, DEVICE_ROOM, "%07o", minor);
	tarx_pax_sum(ustar);
	len = tarx_pax_drop(bytes, len, "SCHILY.devmajor");
	return tarx_pax_drop(bytes, len, "SCHILY.devminor");
}

size_t tarx_pax_record_size(size_t key_len, size_t value_len)
{
	size_t rest = key_len + value_len + 3, digits = 1; /* " ", "=" and "\n" */

	for (size_t most = 9; rest + digits > most; most = most * 10 + 9)
		digits++;
	return rest + digits;
}

/* The body grows by N bytes, which the caller fills; they begin at *AT. */
static size_t extend(char *bytes, size_t len, size_t n, size_t *at)
{
	size_t size = 0;

	if (!has_x(bytes, len)) {
		memmove(bytes + TARX_BLOCK, bytes, len);
		len += TARX_BLOCK;
		begin_x(bytes, bytes + TARX_BLOCK);
		seal(bytes, 0);
	} else {
		size = body_size(bytes, len);
	}
	*at = TARX_BLOCK + size;
	return resize_body(bytes, len, size + n);
}

size_t tarx_pax_add(char *bytes, size_t len, const char *key, const void *value, size_t value_len)
{
	size_t n = tarx_pax_record_size(strlen(key), value_len), at, head = n - value_len - 1;
	char *record;

	len = extend(bytes, len, n, &at);
	record = bytes + at;
	/* snprintf() ends with a NUL where the value begins. */
	snprintf(record, head + 1, "%zu %s=", n, key);
	memcpy(record + head, value, value_len);
	record[n - 1] = '\n';
	return len;
}

size_t tarx_pax_add_records(char *bytes, size_t len, const char *records, size_t n)
{
	size_t at;

	len = extend(bytes, len, n, &at);
	memcpy(bytes + at, records, n);
	return len;
}

size_t tarx_pax_padding(const char *bytes, size_t len, uint64_t at, uint32_t align)
{
	size_t size = has_x(bytes, len) ? body_size(bytes, len) : 0;
	size_t most = align > TARX_BLOCK && align <= ALIGN_USUAL ? BODY_USUAL : BODY_MAX - 1;
	size_t more = align_gap(at + len, align), body;

	if (size == 0) {
		/* A header of its own: one block, and at least one of records. */
		while (more > 0 && more < 2 * TARX_BLOCK)
			more += align;
		body = more;
	} else {
		/* GNU tar 1.34 --delete loses the archive's rest where a body fills its blocks. */
		if (more == 0 && size % TARX_BLOCK == 0)
			more += align;
		body = align_up(size, TARX_BLOCK) + more;
	}
	return more > 0 && body > most ? SIZE_MAX : more;
}

/* Writes comment records of exactly N bytes, N at least RECORD_MIN. */
static void fill(char *to, size_t n)
{
	while (n > 0) {
		size_t record = n <= RECORD_MAX ? n : RECORD_MAX;
		int head;

		if (n > RECORD_MAX && n - record < RECORD_MIN)
			record = n - RECORD_MIN;
		head = snprintf(to, record, "%zu comment=", record);
		memset(to + head, FILLER, record - (size_t)head - 1);
		to[record - 1] = '\n';
		to += record;
		n -= record;
	}
}

size_t tarx_pax_grow(char *bytes, size_t len, size_t more)
{
	size_t size, grown;

	if (more == 0)
		return len;
	if (!has_x(bytes, len)) {
		size = more - TARX_BLOCK - 1;
		memmove(bytes + more, bytes, len);
		begin_x(bytes, bytes + more);
		fill(bytes + TARX_BLOCK, size);
		bytes[more - 1] = '\0';
		seal(bytes, size);
		return len + more;
	}
	size = body_size(bytes, len);
	grown = align_up(size, TARX_BLOCK) + more - 1;
	len = resize_body(bytes, len, grown);
	fill(bytes + TARX_BLOCK + size, grown - size);
	return len;
}
