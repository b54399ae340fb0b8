#include "tarx/headers.h"

#include "align/block.h"
#include "tarx/pax.h"

#include <string.h>

bool tarx_field_number(const char *field, size_t len, uint64_t *number)
{
	uint64_t n = 0;

	if ((unsigned char)*field & 0x80) {
		n = (unsigned char)*field & 0x7f;
		for (size_t i = 1; i < len; i++) {
			if (n > (uint64_t)INT64_MAX >> 8)
				return false;
			n = n << 8 | (unsigned char)field[i];
		}
		*number = n;
		return true;
	}
	for (; len > 0 && *field == ' '; len--)
		field++;
	for (; len > 0 && *field >= '0' && *field <= '7'; len--)
		n = n << 3 | (uint64_t)(*field++ - '0');
	*number = n;
	return len == 0 || !*field || *field == ' ';
}

bool tarx_block_is_zero(const char *block)
{
	return !*block && !memcmp(block, block + 1, TARX_BLOCK - 1);
}

bool tarx_block_is_header(const char *block)
{
	uint64_t sum;
	int64_t unsigned_sum = 8 * ' ', signed_sum = 8 * ' ';

	if (!tarx_field_number(block + TARX_AT_CHECKSUM, 8, &sum))
		return false;
	for (size_t i = 0; i < TARX_BLOCK; i++) {
		if (i >= TARX_AT_CHECKSUM && i < TARX_AT_CHECKSUM + 8)
			continue;
		unsigned_sum += (unsigned char)block[i];
		signed_sum += (signed char)block[i];
	}
	return (int64_t)sum == unsigned_sum || (int64_t)sum == signed_sum;
}

bool tarx_block_is_gnu(const char *block)
{
	return !memcmp(block + TARX_AT_MAGIC, "ustar  ", 8);
}

/* Keeps BODY, which is of the header TYPE. False: this is no header before another. */
static bool keep_body(struct tarx_headers *headers, char type, struct tarx_body body)
{
	switch (type) {
	case 'x':
	case 'X': /* Sun's */
		headers->x = body;
		return true;
	case 'g':
		if (headers->global_count == TARX_GLOBALS_MOST)
			return false;
		headers->globals[headers->global_count++] = body;
		return true;
	case 'A':
		headers->solaris_acl = body;
		return true;
	case 'L':
		headers->long_name = true;
		return true;
	case 'K':
		headers->long_link = true;
		return true;
	default:
		return false;
	}
}

static bool is_before_another(char type)
{
	return type && strchr("xXgALKV", type);
}

bool tarx_headers_cut(struct tarx_headers *headers, const char *bytes, size_t len)
{
	size_t at = 0;

	*headers = (struct tarx_headers){ 0 };
	if (len % TARX_BLOCK)
		return false;
	for (; at < len; at += TARX_BLOCK)
		if (!tarx_block_is_zero(bytes + at))
			break;
	while (at < len && is_before_another(bytes[at + TARX_AT_TYPE])) {
		char type = bytes[at + TARX_AT_TYPE];
		struct tarx_body body = { 0 };
		uint64_t size;

		/* A volume's label has no body. */
		headers->label |= type == 'V';
		if (type != 'V') {
			if (!tarx_field_number(bytes + at + TARX_AT_SIZE, 12, &size) ||
			    size > len - at - TARX_BLOCK)
				return false;
			body = (struct tarx_body){ bytes + at + TARX_BLOCK, (size_t)size };
			if (!keep_body(headers, type, body))
				return false;
		}
		at += TARX_BLOCK + align_up(body.len, TARX_BLOCK);
	}
	if (at >= len)
		return false;
	headers->ustar = bytes + at;
	headers->tail = bytes + at + TARX_BLOCK;
	headers->tail_len = len - at - TARX_BLOCK;
	return true;
}

bool tarx_body_next(const struct tarx_body *body, size_t *at, struct tarx_record *record)
{
	if (!body->bytes || *at >= body->len ||
	    !tarx_record_cut(record, body->bytes + *at, body->len - *at))
		return false;
	*at += record->len;
	return true;
}

void tarx_body_cut_padding(struct tarx_body *body)
{
	struct tarx_record record;
	size_t end = 0;

	for (size_t at = 0; tarx_body_next(body, &at, &record);)
		if (tarx_record_use(&record) != TARX_RECORD_PADDING)
			end = at;
	body->len = end;
}

bool tarx_body_find(const struct tarx_body *body, const char *key, struct tarx_record *record)
{
	struct tarx_record one;
	bool found = false;

	for (size_t at = 0; tarx_body_next(body, &at, &one);) {
		if (tarx_record_is(&one, key)) {
			*record = one;
			found = true;
		}
	}
	return found;
}
