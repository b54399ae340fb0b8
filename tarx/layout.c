#include "tarx/layout.h"

#include "tarx/pax.h"

#include <inttypes.h>
#include <string.h>

enum { AT_SIZE = 124, AT_TYPE = 156, AT_MAGIC = 257 };

/* ------------------------------------------------------------------ headers */

static void note_format(struct tarx_layout *layout, const char *block)
{
	if (block[AT_TYPE] == 'x' || block[AT_TYPE] == 'g')
		layout->pax = true;
	else if (!memcmp(block + AT_MAGIC, "ustar  ", 8))
		layout->gnu = true;
	else if (!memcmp(block + AT_MAGIC, "ustar", 6))
		layout->ustar = true;
	else
		layout->v7 = true;
}

static uint64_t body_size(const char *block)
{
	uint64_t size = 0;

	for (int i = 0; i < 11; i++) {
		char c = block[AT_SIZE + i];

		if (c >= '0' && c <= '7')
			size = size * 8 + (uint64_t)(c - '0');
		else if (c != ' ' || size > 0)
			break;
	}
	return size;
}

/* "LENGTH comment=...\n", record by record. */
static uint64_t count_comments(const char *body, size_t len)
{
	static const char comment[] = " comment=";
	uint64_t sum = 0;

	while (len > 0) {
		size_t n = 0, digits = 0;

		while (digits < len && digits < 8 && body[digits] >= '0' && body[digits] <= '9')
			n = n * 10 + (size_t)(body[digits++] - '0');
		if (n <= digits || n > len)
			break;
		if (n - digits > strlen(comment) &&
		    !memcmp(body + digits, comment, strlen(comment)))
			sum += n;
		body += n;
		len -= n;
	}
	return sum;
}

uint64_t tarx_layout_headers(struct tarx_layout *layout, const char *bytes, size_t len)
{
	uint64_t comments = 0;

	while (len >= TARX_BLOCK) {
		uint64_t size = body_size(bytes), whole = (size + TARX_BLOCK - 1) & ~511ull;
		bool has_body = memchr("xgLKA", bytes[AT_TYPE], 5) && bytes[AT_TYPE];

		note_format(layout, bytes);
		if (!has_body || whole > len - TARX_BLOCK)
			break;
		if (bytes[AT_TYPE] == 'x')
			comments += count_comments(bytes + TARX_BLOCK, (size_t)size);
		bytes += TARX_BLOCK + whole;
		len -= TARX_BLOCK + (size_t)whole;
	}
	return comments;
}

/* ------------------------------------------------------------------ payloads */

void tarx_layout_payload(struct tarx_layout *layout, uint64_t at, uint64_t size)
{
	for (unsigned int i = 0; i < TARX_LAYOUT_SHIFTS; i++) {
		uint64_t align = (uint64_t)TARX_BLOCK << i;

		if (size < align)
			break;
		layout->large[i]++;
		layout->astray[i] += (at & (align - 1)) != 0;
	}
	if (layout->block && at % layout->block == 0)
		layout->on_block += size;
}

uint32_t tarx_layout_align(const struct tarx_layout *layout)
{
	for (unsigned int i = TARX_LAYOUT_SHIFTS; i-- > 1;)
		if (layout->large[i] && !layout->astray[i])
			return TARX_BLOCK << i;
	return TARX_BLOCK;
}

/* ------------------------------------------------------------------ as JSON */

void tarx_layout_json(FILE *out, const struct tarx_layout *layout)
{
	const char *compression = layout->compression ? layout->compression : "none";

	fprintf(out,
		"{\"plain\":%s, \"compression\":\"%s\", \"payload\":%" PRIu64
		", \"left_out\":%" PRIu64,
		layout->plain ? "true" : "false", compression, layout->payload, layout->holes);
	if (layout->plain) {
		fprintf(out,
			", \"align\":%" PRIu32 ", \"block\":%" PRIu32 ", \"on_block\":%" PRIu64
			", \"header\":%" PRIu64 ", \"padding\":%" PRIu64
			", \"padding_most\":%" PRIu64 ", \"end\":%" PRIu64
			", \"occupied\":%" PRIu64,
			tarx_layout_align(layout), layout->block, layout->on_block, layout->headers,
			layout->padding, layout->padding_most, layout->end, layout->occupied);
		fputs(", \"shared\":", out);
		if (layout->extents)
			fprintf(out, "%" PRIu64, layout->shared);
		else
			fputs("null", out);
	}
	fputc('}', out);
}
