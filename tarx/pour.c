#include "tarx/pour.h"

#include "align/io.h"

#include <errno.h>

#define ZEROS 4096

static int write_all(int fd, const void *bytes, size_t len, uint64_t *copied, struct tx_err *err)
{
	int r = tx_write_stream(fd, bytes, len);

	if (r < 0)
		return tx_fail(err, -r, "write to standard output");
	*copied += len;
	return 0;
}

static int write_zeros(int fd, off_t len, uint64_t *copied, struct tx_err *err)
{
	static const char zeros[ZEROS];
	int r = 0;

	while (r == 0 && len > 0) {
		size_t n = len < ZEROS ? (size_t)len : ZEROS;

		r = write_all(fd, zeros, n, copied, err);
		len -= (off_t)n;
	}
	return r;
}

int tarx_pour(const struct tarx_item *item, struct tarx_reader *reader, int fd, uint64_t *copied,
	      bool *broken, struct tx_err *err)
{
	const void *bytes;
	size_t len;
	off_t off, end = 0;
	int r;

	*broken = true;
	while (item->size > 0 && (r = tarx_reader_block(reader, &bytes, &len, &off, err)) != 0) {
		if (r < 0)
			return r;
		if (off < end || (off_t)len > item->size - off)
			return tx_reject(
				err, EBADMSG,
				"the archive is damaged: a piece of the file lies outside it");
		*broken = false;
		r = write_zeros(fd, off - end, copied, err);
		if (r == 0)
			r = write_all(fd, bytes, len, copied, err);
		if (r < 0)
			return r;
		*broken = true;
		end = off + (off_t)len;
	}
	*broken = false;
	return write_zeros(fd, item->size - end, copied, err);
}
