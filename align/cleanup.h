/* Things that give themselves back when they leave their block. Declare where you acquire; hand on
 * with tx_fd_steal() or tx_ptr_steal(). */
#ifndef ALIGN_CLEANUP_H
#define ALIGN_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

/* close() is not retried on EINTR: on Linux the fd is gone by then, and may be someone else's. */
static inline void tx_fd_release(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline int tx_fd_steal(int *fd)
{
	int handed = *fd;

	*fd = -1;
	return handed;
}

static inline void tx_free_cleanup(void *ptr)
{
	free(*(void **)ptr);
}

static inline void *tx_ptr_steal(void *ptr)
{
	void *handed = *(void **)ptr;

	*(void **)ptr = NULL;
	return handed;
}

#define TX_FD   __attribute__((cleanup(tx_fd_release))) int
#define TX_FREE __attribute__((cleanup(tx_free_cleanup)))

#endif
