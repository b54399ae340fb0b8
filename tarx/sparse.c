#include "tarx/sparse.h"

#include "align/block.h"
#include "tarx/pax.h"

#include <errno.h>
#include <string.h>

/* Ways to say where the holes are; a member uses one. */
enum {
	KIND_OLD = 1, /* GNU tar's S header and its extensions */
	KIND_STAR = 2, /* star's S header */
	KIND_00 = 4, /* GNU.sparse.offset, GNU.sparse.numbytes, over and over */
	KIND_01 = 8, /* GNU.sparse.map */
	KIND_10 = 16, /* the map stands before the data */
	KIND_SUN = 32, /* SUN.holesdata */
	KIND_NEW = 64, /* GNU.sparse.major of some other number */
};

#define NONE UINT64_MAX

/* A ustar header's map, and that of the blocks which go on with it. */
#define ENTRY_LEN      24u
#define GNU_MAP        386u
#define GNU_MORE       482u
#define GNU_REALSIZE   483u
#define STAR_MORE      355u
#define STAR_MAP       356u
#define STAR_REALSIZE  452u
#define HEADER_ENTRIES 4u
#define BLOCK_ENTRIES  21u
#define BLOCK_MORE     504u

struct reading {
	const struct tarx_headers *headers;
	struct tx_arena *arena;
	unsigned int kinds;
	uint64_t stored, real, blocks; /* NONE: not said */
	struct tarx_record map; /* of KIND_01, KIND_SUN */
	struct tarx_segment *list;
	size_t count, room;
	uint64_t end; /* of the last segment in the file */
	uint64_t data; /* bytes so far */
	const char *fault;
};

static void fail(struct reading *r, const char *why)
{
	if (!r->fault)
		r->fault = why;
}

/* ------------------------------------------------------------------ segments */

static int make_room(struct reading *r, size_t room)
{
	r->list = tx_arena_take(r->arena, (room + 1) * sizeof(*r->list));
	r->room = room;
	return r->list ? 0 : -ENOMEM;
}

static void add(struct reading *r, uint64_t off, uint64_t len)
{
	if (off > (uint64_t)INT64_MAX || len > (uint64_t)INT64_MAX - off || off < r->end ||
	    r->count == r->room || r->blocks == 0) {
		fail(r, "its map of holes is damaged");
		return;
	}
	if (r->blocks != NONE)
		r->blocks--;
	r->end = off + len;
	if (len > 0)
		r->list[r->count++] = (struct tarx_segment){ (off_t)off, (off_t)len,
							     (off_t)r->data };
	r->data += len;
}

/* ------------------------------------------------------------------ the maps */

static void add_fields(struct reading *r, const char *entry, size_t n)
{
	for (; n > 0 && *entry; n--, entry += ENTRY_LEN) {
		uint64_t off, len;

		if (tarx_field_number(entry, 12, &off) && tarx_field_number(entry + 12, 12, &len))
			add(r, off, len);
		else
			fail(r, "its map of holes is damaged");
	}
}

/* GNU tar's and star's differ in where they are. Libarchive does not know star's blocks that go on. */
static int read_header_map(struct reading *r, size_t map, size_t more, size_t realsize)
{
	const char *ustar = r->headers->ustar;
	size_t blocks = r->headers->tail_len / TARX_BLOCK;
	bool goes_on = ustar[more];

	if (make_room(r, HEADER_ENTRIES + blocks * BLOCK_ENTRIES) < 0)
		return -ENOMEM;
	if (r->real == NONE && !tarx_field_number(ustar + realsize, 12, &r->real))
		fail(r, "its size is none");
	add_fields(r, ustar + map, HEADER_ENTRIES);
	for (size_t i = 0; i < blocks; i++) {
		const char *block = r->headers->tail + i * TARX_BLOCK;

		if (!goes_on)
			fail(r, "its map of holes is damaged");
		add_fields(r, block, BLOCK_ENTRIES);
		goes_on = block[BLOCK_MORE];
	}
	if (goes_on)
		fail(r, "its map of holes goes on where tarx cannot read it");
	return 0;
}

static int read_00(struct reading *r)
{
	uint64_t off = NONE, number;
	struct tarx_record record;

	if (make_room(r, r->headers->x.len / 20) < 0)
		return -ENOMEM;
	for (size_t at = 0; tarx_body_next(&r->headers->x, &at, &record);) {
		bool is_off = tarx_record_is(&record, "GNU.sparse.offset");

		if (!is_off && !tarx_record_is(&record, "GNU.sparse.numbytes"))
			continue;
		if (!tarx_number(record.value, record.value_len, INT64_MAX, &number) ||
		    is_off != (off == NONE)) {
			fail(r, "its map of holes is damaged");
			return 0;
		}
		if (!is_off)
			add(r, off, number);
		off = is_off ? number : NONE;
	}
	if (off != NONE)
		fail(r, "its map of holes is damaged");
	return 0;
}

/* The next number of a list, up to SEPARATOR or the end, where *LEFT becomes 0. */
static bool next_number(const char **text, size_t *left, char separator, uint64_t *number)
{
	const char *end = memchr(*text, separator, *left);
	size_t len = end ? (size_t)(end - *text) : *left;

	if (!tarx_number(*text, len, INT64_MAX, number))
		return false;
	len += end != NULL;
	*text += len;
	*left -= len;
	return true;
}

static int read_01(struct reading *r)
{
	const char *text = r->map.value;
	size_t left = r->map.value_len;
	uint64_t off, len;

	if (make_room(r, left / 4 + 1) < 0)
		return -ENOMEM;
	while (left > 0 && !r->fault) {
		if (next_number(&text, &left, ',', &off) && left > 0 &&
		    next_number(&text, &left, ',', &len))
			add(r, off, len);
		else
			fail(r, "its map of holes is damaged");
	}
	return 0;
}

/* Lines that begin with "#" are passed over by libarchive. */
static void pass_remarks(const char **text, size_t *left)
{
	while (*left > 0 && **text == '#') {
		const char *end = memchr(*text, '\n', *left);
		size_t len = end ? (size_t)(end + 1 - *text) : *left;

		*text += len;
		*left -= len;
	}
}

static bool next_line(const char **text, size_t *left, uint64_t *number)
{
	pass_remarks(text, left);
	return next_number(text, left, '\n', number);
}

/* Lines of one number: how many pairs, then the pairs; up to the end of a block. */
static int read_10(struct reading *r)
{
	const char *text = r->headers->tail;
	size_t left = r->headers->tail_len, used;
	uint64_t n, off, len;

	if (!next_line(&text, &left, &n) || n > left / 4) {
		fail(r, "its map of holes is damaged");
		return 0;
	}
	if (make_room(r, (size_t)n) < 0)
		return -ENOMEM;
	for (; n > 0 && !r->fault; n--) {
		if (next_line(&text, &left, &off) && next_line(&text, &left, &len))
			add(r, off, len);
		else
			fail(r, "its map of holes is damaged");
	}
	used = r->headers->tail_len - left;
	if (r->headers->tail_len != align_up(used, TARX_BLOCK) || r->stored < r->headers->tail_len)
		fail(r, "its map of holes is damaged");
	else
		r->stored -= r->headers->tail_len;
	return 0;
}

/* " 0 4096 8192": where data, a hole, data ... begin in turn, and the file's end. */
static int read_sun(struct reading *r)
{
	const char *text = r->map.value;
	size_t left = r->map.value_len;
	uint64_t start = 0, end;
	bool hole = true;

	if (make_room(r, left / 2 + 1) < 0)
		return -ENOMEM;
	if (left < 2 || *text++ != ' ') {
		fail(r, "its map of holes is damaged");
		return 0;
	}
	left--;
	for (; left > 0 && !r->fault; hole = !hole) {
		if (!next_number(&text, &left, ' ', &end) || end < start) {
			fail(r, "its map of holes is damaged");
			return 0;
		}
		if (!hole)
			add(r, start, end - start);
		start = end;
	}
	r->real = start;
	return 0;
}

/* ------------------------------------------------------------------ sizes, and which map there is */

static void take_number(struct reading *r, const struct tarx_record *record, uint64_t *number)
{
	uint64_t n;

	if (!tarx_number(record->value, record->value_len, INT64_MAX, &n))
		fail(r, "its size is none");
	else if (*number != NONE && *number != n)
		fail(r, "its header gives two sizes");
	else
		*number = n;
}

static void take_version(struct reading *r, const struct tarx_record *record)
{
	bool major = tarx_record_is(record, "GNU.sparse.major");

	r->kinds |= record->value_len == 1 && *record->value == (major ? '1' : '0') ? KIND_10
										    : KIND_NEW;
}

static void look_at(struct reading *r, const struct tarx_record *record, uint64_t *size)
{
	if (tarx_record_is(record, "size")) {
		*size = NONE; /* the last one counts */
		take_number(r, record, size);
	} else if (tarx_record_is(record, "GNU.sparse.size") ||
		   tarx_record_is(record, "GNU.sparse.realsize") ||
		   tarx_record_is(record, "SCHILY.realsize")) {
		take_number(r, record, &r->real);
	} else if (tarx_record_is(record, "GNU.sparse.numblocks")) {
		take_number(r, record, &r->blocks);
	} else if (tarx_record_is(record, "GNU.sparse.major") ||
		   tarx_record_is(record, "GNU.sparse.minor")) {
		take_version(r, record);
	} else if (tarx_record_is(record, "GNU.sparse.offset")) {
		r->kinds |= KIND_00;
	} else if (tarx_record_is(record, "GNU.sparse.map")) {
		r->kinds |= KIND_01;
		r->map = *record;
	} else if (tarx_record_is(record, "SUN.holesdata")) {
		r->kinds |= KIND_SUN;
		r->map = *record;
	}
}

static void look_around(struct reading *r)
{
	const char *ustar = r->headers->ustar;
	struct tarx_record record;
	uint64_t size = NONE, field;

	r->stored = r->real = r->blocks = NONE;
	for (size_t at = 0; tarx_body_next(&r->headers->x, &at, &record);)
		look_at(r, &record, &size);
	if (ustar[TARX_AT_TYPE] == 'S')
		r->kinds |= tarx_block_is_gnu(ustar) ? KIND_OLD : KIND_STAR;
	if (!tarx_field_number(ustar + TARX_AT_SIZE, 12, &field))
		field = NONE;
	/* Some GNU tars gave the file's size where that was too large for the field. */
	if (size == NONE || ((r->kinds & (KIND_00 | KIND_01 | KIND_10)) && size == r->real))
		size = field;
	if (size == NONE)
		fail(r, "its size is none");
	r->stored = size;
}

static int read_map(struct reading *r)
{
	switch (r->kinds) {
	case KIND_OLD:
		return read_header_map(r, GNU_MAP, GNU_MORE, GNU_REALSIZE);
	case KIND_STAR:
		return read_header_map(r, STAR_MAP, STAR_MORE, STAR_REALSIZE);
	case KIND_00:
		return read_00(r);
	case KIND_01:
		return read_01(r);
	case KIND_10:
		return read_10(r);
	case KIND_SUN:
		return read_sun(r);
	case KIND_NEW:
	case KIND_NEW | KIND_10:
		fail(r, "its holes are described in a way that tarx does not know");
		return 0;
	default:
		fail(r, "its holes are described in two ways");
		return 0;
	}
}

static void check(struct reading *r, struct tarx_payload *payload)
{
	if (r->kinds && r->real == NONE)
		fail(r, "its size is missing");
	if (r->kinds && r->end > r->real)
		fail(r, "its map of holes reaches over its end");
	if ((r->kinds & (KIND_00 | KIND_01)) && r->blocks != NONE && r->blocks != 0)
		fail(r, "its map of holes is damaged");
	if (r->kinds == KIND_SUN && r->stored == r->real)
		payload->holes = (off_t)(r->real - r->data);
	else if (r->kinds == KIND_SUN || (r->kinds && r->data != r->stored))
		fail(r, "its map of holes and its size contradict each other");
	if (!r->kinds && r->real != NONE && r->real != r->stored)
		fail(r, "its header gives two sizes, and no map of holes");
	if (!(r->kinds & (KIND_OLD | KIND_10)) && r->headers->tail_len > 0)
		fail(r, "its headers do not end where its payload begins");
	/* Solaris stores the holes, too. */
	for (size_t i = 0; payload->holes && i < r->count; i++)
		r->list[i].at = r->list[i].off;
}

int tarx_sparse_read(struct tarx_payload *payload, const struct tarx_headers *headers,
		     struct tx_arena *arena)
{
	struct reading r = { .headers = headers, .arena = arena };

	*payload = (struct tarx_payload){ 0 };
	look_around(&r);
	if (!r.fault && r.kinds && read_map(&r) < 0)
		return -ENOMEM;
	if (!r.fault)
		check(&r, payload);
	payload->fault = r.fault;
	if (r.fault)
		return 0;
	payload->stored = (off_t)r.stored;
	payload->size = (off_t)(r.kinds ? r.real : r.stored);
	payload->segments = r.list;
	payload->count = r.count;
	return 0;
}
