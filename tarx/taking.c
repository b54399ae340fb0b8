#include "tarx/taking.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "tarx/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int tarx_taking_open(struct tarx_taking *taking, const struct tarx_opts *opts, struct tx_err *err)
{
	*taking = (struct tarx_taking){ .fd = -1,
					.dirs = calloc(opts->take_from_count + 1, sizeof(int)) };
	if (!taking->dirs)
		return tx_fail(err, ENOMEM, "begin");
	for (size_t i = 0; i < opts->take_from_count; i++) {
		int fd = open(opts->take_from[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return tx_fail(err, errno, "--take-from: %s: open the directory",
				       opts->take_from[i]);
		taking->dirs[taking->count++] = fd;
	}
	return 0;
}

/* The file PATH of SIZE bytes beneath DIR, in ST; -1: there is none. */
static int find(int dir, const char *path, off_t size, struct stat *st)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
	TX_FD fd = tx_open_beneath_nofollow(dir, path, flags, 0);

	if (fd < 0 || fstat(fd, st) < 0 || !S_ISREG(st->st_mode) || st->st_size != size)
		return -1;
	return tx_fd_steal(&fd);
}

/* Of a map of holes nobody would know whether the file has the same. */
static bool is_wanted(const struct tarx_item *item)
{
	return S_ISREG(item->mode) && !item->hardlink && !item->segments && item->size > 0;
}

bool tarx_taking_take(struct tarx_taking *taking, struct tarx_item *item)
{
	TX_FREE char *path = NULL;
	struct stat st;

	tx_fd_release(&taking->fd);
	if (taking->count == 0 || !is_wanted(item))
		return false;
	path = tarx_path_restored(item->path);
	if (!path || !*path)
		return false;
	for (size_t i = 0; i < taking->count && taking->fd < 0; i++)
		taking->fd = find(taking->dirs[i], path, item->size, &st);
	if (taking->fd < 0)
		return false;
	item->data = (struct align_span){ .fd = taking->fd,
					  .len = item->size,
					  .end = item->size,
					  .holes = (off_t)st.st_blocks * 512 < item->size };
	return true;
}

void tarx_taking_release(struct tarx_taking *taking)
{
	for (size_t i = 0; i < taking->count; i++)
		tx_fd_release(&taking->dirs[i]);
	free(taking->dirs);
	tx_fd_release(&taking->fd);
}
