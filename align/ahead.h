/* A walk with threads that go ahead of who follows it: they look at the nodes that come next, so that their system
 * calls run beside his. He gets the same nodes in the same order, whatever their number. */
#ifndef ALIGN_AHEAD_H
#define ALIGN_AHEAD_H

#include "align/arena.h"
#include "align/crew.h"
#include "align/walk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* A node that was taken from the walk. */
struct align_ahead_slot {
	struct align_node node;
	struct tx_arena arena; /* of the node's strings and of what was found */
	struct tx_err *
		err; /* in the arena: why node.error, or r, is not as it should be; or NULL: no memory */
	int r; /* what the walk answered */
	bool unwanted;
	atomic_bool done;
};

struct align_ahead {
	struct align_walk
		walk; /* its options may be set before the first step; then it is locked */

	/* To be set before the first step, too. */
	unsigned int threads; /* at most so many, with the one that follows; 1: nobody goes ahead */
	/* Finds out about NODE, which was opened: node->found becomes what it returns, in memory of ARENA, or NULL. It may
	 * close node->fd, which then is -1, of what is no directory. Called by any thread, HAND being that thread's.
	 * NULL: there is nothing to find. */
	const void *(*look)(void *hand, struct align_node *node, struct tx_arena *arena);
	void *hands[ALIGN_CREW_MOST]; /* borrowed; the first is that of who follows */

	/* Its own. */
	struct align_ahead_slot alone; /* the only slot, while there are no threads */
	struct align_ahead_slot *ring; /* owned; NULL: no threads */
	size_t room;
	struct align_crew crew;
	size_t given; /* nodes so far */
	bool holding; /* the one at the head was given, and is in use */
	atomic_size_t head,
		tail; /* counted from the start; the slots from head on, before tail, are taken */
	pthread_mutex_t lock; /* of the walk, tail, and what follows */
	pthread_cond_t has_room;
	bool ended, stopping;
	struct tx_err broke; /* code is not 0: the walk cannot go on */
	atomic_uint starved; /* threads that wait for room */
	pthread_mutex_t waiting; /* of is_done */
	pthread_cond_t is_done;
	atomic_size_t awaited; /* the slot that is waited for; SIZE_MAX: none */
};

/* As align_walk_open(), and AHEAD may be released whatever is returned. */
int align_ahead_open(struct align_ahead *ahead, int base, const char *root, const char *shown,
		     struct tx_err *err);

/* One step, as align_walk_next(). What NODE borrows is valid until the next one. */
int align_ahead_next(struct align_ahead *ahead, struct align_node *node, struct tx_err *err);

/* Does not give what is in the directory that was given last. */
void align_ahead_skip(struct align_ahead *ahead);
void align_ahead_release(struct align_ahead *ahead);

#endif
