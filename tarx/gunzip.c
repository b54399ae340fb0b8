#include "tarx/gunzip.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#define ROOM (128u << 10)
#define GZIP_ONLY                                                                                  \
	(15 + 16) /* of inflateInit2(): the largest window, and gzip's header and trailer */
#define FIRST_BYTE 0x1f /* of a member */

struct tarx_gunzip {
	z_stream z;
	tarx_unpack_source *source;
	void *data; /* borrowed, for source */
	off_t given; /* compressed bytes that came from there */
	bool within; /* a member */
	bool ended;
	const char *why;
	unsigned char out[ROOM];
};

struct tarx_gunzip *tarx_gunzip_new(tarx_unpack_source *source, void *data)
{
	struct tarx_gunzip *gunzip = calloc(1, sizeof(*gunzip));

	if (!gunzip)
		return NULL;
	gunzip->source = source;
	gunzip->data = data;
	if (inflateInit2(&gunzip->z, GZIP_ONLY) != Z_OK) {
		free(gunzip);
		return NULL;
	}
	return gunzip;
}

/* 1: there is input, 0: there is no more. */
static int refill(struct tarx_gunzip *gunzip)
{
	const void *bytes;
	ssize_t got;

	if (gunzip->z.avail_in > 0)
		return 1;
	got = gunzip->source(gunzip->data, &bytes);
	if (got <= 0)
		return (int)got;
	/* zlib does not write there. */
	gunzip->z.next_in = (unsigned char *)(uintptr_t)bytes;
	gunzip->z.avail_in = (unsigned int)got;
	gunzip->given += got;
	return 1;
}

static int fail(struct tarx_gunzip *gunzip, const char *why)
{
	gunzip->why = why;
	return -EBADMSG;
}

/* 1: a member begins. 0: none follows. */
static int begin_member(struct tarx_gunzip *gunzip)
{
	int r = refill(gunzip);

	if (r < 0)
		return r;
	if (r == 0 || *gunzip->z.next_in != FIRST_BYTE) {
		gunzip->ended = true;
		return 0;
	}
	inflateReset(&gunzip->z);
	gunzip->within = true;
	return 1;
}

static int inflate_some(struct tarx_gunzip *gunzip)
{
	int r = refill(gunzip);

	if (r < 0)
		return r;
	if (r == 0)
		return fail(gunzip, "it is cut off");
	r = inflate(&gunzip->z, Z_NO_FLUSH);
	if (r == Z_STREAM_END)
		gunzip->within = false;
	else if (r == Z_MEM_ERROR)
		return -ENOMEM;
	else if (r != Z_OK && r != Z_BUF_ERROR)
		return fail(gunzip, gunzip->z.msg ? gunzip->z.msg : "no gzip");
	return 0;
}

int tarx_gunzip_next(struct tarx_gunzip *gunzip, const void **bytes, size_t *len)
{
	int r = 1;

	gunzip->z.next_out = gunzip->out;
	gunzip->z.avail_out = ROOM;
	while (gunzip->z.avail_out == ROOM) {
		if (gunzip->ended)
			return 0;
		r = gunzip->within ? inflate_some(gunzip) : begin_member(gunzip);
		/* What came before is handed out first; the failure comes again. */
		if (r < 0 && gunzip->z.avail_out == ROOM)
			return r;
	}
	*bytes = gunzip->out;
	*len = ROOM - gunzip->z.avail_out;
	return 1;
}

const char *tarx_gunzip_why(const struct tarx_gunzip *gunzip)
{
	return gunzip->why ? gunzip->why : "damaged";
}

off_t tarx_gunzip_used(const struct tarx_gunzip *gunzip)
{
	return gunzip->given - (off_t)gunzip->z.avail_in;
}

void tarx_gunzip_free(struct tarx_gunzip *gunzip)
{
	if (gunzip)
		inflateEnd(&gunzip->z);
	free(gunzip);
}
