#include "tarx/pax.h"

#include "align/block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Byte offsets in a ustar header. */
enum {
	NAME = 0,
	MODE = 100,
	SIZE = 124,
	CHECKSUM = 148,
	TYPE = 156,
	LINKNAME = 157,
	DEVMAJOR = 329,
	PREFIX = 345,
};

#define NAME_ROOM     100u
#define RECORD_MAX    512u /* longer ones fail in MirBSD pax */
#define RECORD_MIN    13u  /* "13 comment=.\n" */
#define BODY_USUAL    65536u
#define BODY_MAX      (1u << 20) /* from here on some readers drop the header in silence */
#define ALIGN_USUAL   32768u
#define FILLER	      '.'

static bool has_x(const char *bytes, size_t len)
{
	return len > 2 * TARX_BLOCK && bytes[TYPE] == 'x';
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

static void seal(char *header, size_t size)
{
	unsigned int sum = 0;

	snprintf(header + SIZE, 12, "%011zo", size);
	memset(header + CHECKSUM, ' ', 8);
	for (unsigned int i = 0; i < TARX_BLOCK; i++)
		sum += (unsigned char)header[i];
	snprintf(header + CHECKSUM, 7, "%06o", sum & 0777777);
	header[CHECKSUM + 7] = ' ';
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

size_t tarx_pax_drop(char *bytes, size_t len, const char *key)
{
	size_t size, kept = 0, at = 0, key_len = strlen(key);
	char *body = bytes + TARX_BLOCK;

	if (!has_x(bytes, len))
		return len;
	size = body_size(bytes, len);
	while (at < size) {
		char *digits_end;
		size_t n = strtoul(body + at, &digits_end, 10);
		const char *word = digits_end + 1;

		if (n == 0 || n > size - at)
			return len; /* not as libarchive writes it: left alone */
		if (strncmp(word, key, key_len) || word[key_len] != '=') {
			memmove(body + kept, body + at, n);
			kept += n;
		}
		at += n;
	}
	if (kept == size)
		return len;
	if (kept == 0) {
		size_t behind = TARX_BLOCK + align_up(size, TARX_BLOCK);

		memmove(bytes, bytes + behind, len - behind);
		return len - behind;
	}
	/* resize_body() finds the end of the old body by its declared size. */
	return resize_body(bytes, len, kept);
}

size_t tarx_pax_padding(const char *bytes, size_t len, uint64_t at, uint32_t align)
{
	size_t size = has_x(bytes, len) ? body_size(bytes, len) : 0;
	size_t most = align <= ALIGN_USUAL ? BODY_USUAL : BODY_MAX - 1;
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
		bytes[TARX_BLOCK + size] = '\0';
		seal(bytes, size);
		return len + more;
	}
	size = body_size(bytes, len);
	grown = align_up(size, TARX_BLOCK) + more - 1;
	len = resize_body(bytes, len, grown);
	fill(bytes + TARX_BLOCK + size, grown - size);
	return len;
}
