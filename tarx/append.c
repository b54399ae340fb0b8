#include "tarx/append.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "tarx/pax.h"
#include "tarx/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------ where the members end */

static int read_to_end(struct tarx_reader *reader, off_t *end, struct tx_err *err)
{
	struct tarx_item item;
	int r;

	do
		r = tarx_reader_next(reader, &item, err);
	while (r > 0 && tarx_reader_is_plain(reader));
	if (r < 0)
		return r;
	if (!tarx_reader_is_plain(reader))
		return tx_reject(err, EINVAL, "cannot append to a compressed archive");
	if (reader->damaged)
		return tx_reject(err, EBADMSG, "cannot append: a damaged header was passed over");
	*end = tarx_reader_header(reader);
	return 0;
}

/* Nothing but an end mark or the end of the file may be where the members end. */
static int check_end(int fd, off_t end, off_t size, struct tx_err *err)
{
	static const char zeros[TARX_BLOCK];
	char block[TARX_BLOCK];
	ssize_t got = tx_read_at(fd, block, sizeof(block), end);

	if (got < 0)
		return tx_fail(err, (int)-got, "read at %jd", (intmax_t)end);
	if (end % TARX_BLOCK || end > size || (got > 0 && got < TARX_BLOCK) ||
	    (got > 0 && memcmp(block, zeros, TARX_BLOCK) != 0))
		return tx_reject(err, EBADMSG, "cannot append: damaged where its members end");
	return 0;
}

static int find_end(int fd, const char *path, off_t *end, struct tx_err *err)
{
	struct tarx_reader reader;
	struct stat own, st;
	int r = tarx_reader_open(&reader, path, err);

	if (r == 0 && (fstat(fd, &own) < 0 || fstat(reader.fd, &st) < 0))
		r = tx_fail(err, errno, "look at the archive");
	else if (r == 0 && (own.st_dev != st.st_dev || own.st_ino != st.st_ino))
		r = tx_reject(err, EAGAIN, "cannot append: it was replaced just now");
	if (r == 0)
		r = read_to_end(&reader, end, err);
	tarx_reader_release(&reader);
	return r < 0 ? r : check_end(fd, *end, own.st_size, err);
}

/* ------------------------------------------------------------------ opening */

static int count_left_over(int fd, off_t at, uint64_t *count, struct tx_err *err)
{
	char buf[16384];
	ssize_t got;

	*count = 0;
	while ((got = tx_read_at(fd, buf, sizeof(buf), at)) > 0) {
		for (ssize_t i = 0; i < got; i++)
			*count += buf[i] != 0;
		at += got;
	}
	return got < 0 ? tx_fail(err, (int)-got, "read at %jd", (intmax_t)at) : 0;
}

static int lock(int fd, struct tx_err *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return tx_reject(err, EWOULDBLOCK, "cannot append: another program has locked it");
	return tx_fail(err, errno, "lock the archive");
}

int tarx_append_open(struct tarx_writer *writer, const char *path, uint64_t *left_over,
		     struct tx_err *err)
{
	TX_FD fd = -1;
	struct stat st;
	off_t end = 0;
	int r;

	*left_over = 0;
	if (!strcmp(path, "-"))
		return tx_reject(err, EINVAL, "cannot append to a pipe; name an archive with -f");
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return tarx_writer_open(writer, path, err);
	if (fd < 0)
		return tx_fail(err, errno, "open");
	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "look at the archive");
	if (!S_ISREG(st.st_mode))
		return tx_reject(err, EINVAL, "cannot append: not a file");
	r = lock(fd, err);
	if (r == 0 && st.st_size > 0)
		r = find_end(fd, path, &end, err);
	if (r == 0)
		r = count_left_over(fd, end, left_over, err);
	return r < 0 ? r : tarx_writer_continue(writer, tx_fd_steal(&fd), end, err);
}
