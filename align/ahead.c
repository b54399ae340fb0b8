#include "align/ahead.h"

#include "align/cleanup.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define MOST_ROOM 128u /* nodes that are known ahead, each with up to two descriptors */
#define BATCH     8u /* nodes that one thread takes at once */
#define ALONE     12u /* a walk of so few nodes is not worth a thread */

/* ------------------------------------------------------------------ a slot */

/* NULL: no memory. */
static struct tx_err *keep_error(struct tx_arena *arena, const struct tx_err *err)
{
	struct tx_err *kept = tx_arena_take(arena, sizeof(*kept));

	if (kept)
		*kept = *err;
	return kept;
}

/* What the node borrows from the walk becomes the slot's. */
static int keep_node(struct align_ahead *ahead, struct align_ahead_slot *slot)
{
	struct align_node *node = &slot->node;
	size_t len = strlen(node->path);
	char *path = tx_arena_copy(&slot->arena, node->path, len);

	node->fd = node->self ? node->self->fd : tx_fd_steal(&ahead->walk.fd);
	align_dir_hold(node->dir);
	align_dir_hold(node->self);
	if (!path)
		return -ENOMEM;
	if (*node->below)
		node->below = path + (node->below - node->path);
	if (node->dir) /* else it is the root's, which is the caller's */
		node->name = path + len - strlen(node->name);
	node->path = path;
	return 0;
}

static void empty(struct align_ahead_slot *slot)
{
	if (!slot->node.self)
		tx_fd_release(&slot->node.fd);
	align_dir_drop(&slot->node.self);
	align_dir_drop(&slot->node.dir);
	tx_arena_reset(&slot->arena);
	slot->err = NULL;
	slot->unwanted = false;
	atomic_store_explicit(&slot->done, false, memory_order_relaxed);
}

/* One step of the walk. */
static void take(struct align_ahead *ahead, struct align_ahead_slot *slot)
{
	struct tx_err err = { 0 };

	slot->node = (struct align_node){ .fd = -1 };
	if (ahead->broke.code) {
		err = ahead->broke;
		slot->r = -err.code;
	} else {
		slot->r = align_walk_next(&ahead->walk, &slot->node, &err);
	}
	if (slot->r > 0 && keep_node(ahead, slot) < 0)
		slot->r = tx_fail(&err, ENOMEM, "walk");
	if (slot->r < 0 || (slot->r > 0 && slot->node.error))
		slot->err = keep_error(&slot->arena, &err);
	if (slot->r <= 0)
		ahead->ended = true;
}

static void look(struct align_ahead *ahead, struct align_ahead_slot *slot, void *hand)
{
	struct align_node *node = &slot->node;
	struct tx_err err;

	if (slot->r <= 0)
		return;
	if (node->unseen) {
		align_node_look(node, &err);
		if (node->error)
			slot->err = keep_error(&slot->arena, &err);
	}
	if (!node->error && ahead->look)
		node->found = ahead->look(hand, node, &slot->arena);
}

/* ------------------------------------------------------------------ the ring */

static struct align_ahead_slot *slot_at(struct align_ahead *ahead, size_t at)
{
	return ahead->ring ? &ahead->ring[at % ahead->room] : &ahead->alone;
}

static bool is_full(struct align_ahead *ahead)
{
	return atomic_load(&ahead->tail) - atomic_load(&ahead->head) == ahead->room;
}

static void set_done(struct align_ahead *ahead, size_t at)
{
	atomic_store(&slot_at(ahead, at)->done, true);
	if (atomic_load(&ahead->awaited) != at)
		return;
	pthread_mutex_lock(&ahead->waiting);
	pthread_cond_signal(&ahead->is_done);
	pthread_mutex_unlock(&ahead->waiting);
}

/* Under the lock: the next nodes are the caller's to look at, from the returned one on, before *END. */
static size_t take_some(struct align_ahead *ahead, size_t *end)
{
	size_t first = atomic_load(&ahead->tail), at = first;

	while (at - first < BATCH && !ahead->ended && !is_full(ahead)) {
		take(ahead, slot_at(ahead, at));
		atomic_store(&ahead->tail, ++at);
	}
	*end = at;
	return first;
}

static void look_at_some(struct align_ahead *ahead, size_t first, size_t end, void *hand)
{
	for (size_t at = first; at < end; at++) {
		look(ahead, slot_at(ahead, at), hand);
		set_done(ahead, at);
	}
}

/* ------------------------------------------------------------------ who goes ahead */

/* Under the lock. False: there is nothing more to do. */
static bool wait_for_room(struct align_ahead *ahead)
{
	atomic_fetch_add(&ahead->starved, 1);
	while (is_full(ahead) && !ahead->stopping && !ahead->ended)
		pthread_cond_wait(&ahead->has_room, &ahead->lock);
	atomic_fetch_sub(&ahead->starved, 1);
	return !ahead->stopping && !ahead->ended;
}

static void go_ahead(void *owner, void *hand)
{
	struct align_ahead *ahead = owner;
	size_t first, end;

	for (;;) {
		pthread_mutex_lock(&ahead->lock);
		if (!wait_for_room(ahead)) {
			pthread_mutex_unlock(&ahead->lock);
			return;
		}
		first = take_some(ahead, &end);
		pthread_mutex_unlock(&ahead->lock);
		look_at_some(ahead, first, end, hand);
	}
}

/* Without memory for it, or a thread, the walk goes on alone. */
static void spread(struct align_ahead *ahead)
{
	size_t room = align_crew_room(MOST_ROOM);

	room = room > 0 ? room : 1;
	ahead->ring = calloc(room, sizeof(*ahead->ring));
	if (!ahead->ring)
		return;
	ahead->room = room;
	align_crew_start(&ahead->crew, ahead->threads, go_ahead, ahead, ahead->hands);
	if (ahead->crew.started > 0)
		return;
	free(ahead->ring);
	ahead->ring = NULL;
	ahead->room = 1;
	ahead->threads = 1;
}

/* ------------------------------------------------------------------ who follows */

/* He takes some himself, where nobody is at it. False: somebody is. */
static bool help(struct align_ahead *ahead)
{
	size_t first, end;

	if (pthread_mutex_trylock(&ahead->lock) != 0)
		return false;
	first = take_some(ahead, &end);
	pthread_mutex_unlock(&ahead->lock);
	look_at_some(ahead, first, end, ahead->hands[0]);
	return end > first;
}

static bool is_there(struct align_ahead *ahead, size_t at)
{
	return at < atomic_load(&ahead->tail) && atomic_load(&slot_at(ahead, at)->done);
}

static void await(struct align_ahead *ahead, size_t at)
{
	while (!is_there(ahead, at)) {
		if (help(ahead))
			continue;
		pthread_mutex_lock(&ahead->waiting);
		atomic_store(&ahead->awaited, at);
		while (!is_there(ahead, at))
			pthread_cond_wait(&ahead->is_done, &ahead->waiting);
		atomic_store(&ahead->awaited, SIZE_MAX);
		pthread_mutex_unlock(&ahead->waiting);
	}
}

/* The slot at the head is free. Threads that wait are not woken for a few of them. */
static void give_back(struct align_ahead *ahead)
{
	size_t head = atomic_load(&ahead->head);

	empty(slot_at(ahead, head));
	atomic_store(&ahead->head, ++head);
	if (atomic_load(&ahead->starved) == 0 || atomic_load(&ahead->tail) - head > ahead->room / 2)
		return;
	pthread_mutex_lock(&ahead->lock);
	pthread_cond_broadcast(&ahead->has_room);
	pthread_mutex_unlock(&ahead->lock);
}

static int give(struct align_ahead *ahead, const struct align_ahead_slot *slot,
		struct align_node *node, struct tx_err *err)
{
	if (slot->err)
		*err = *slot->err;
	else if (slot->r < 0 || slot->node.error)
		tx_fail(err, slot->r < 0 ? -slot->r : slot->node.error, "walk");
	*node = slot->node;
	ahead->given++;
	ahead->holding = true;
	return slot->r;
}

int align_ahead_next(struct align_ahead *ahead, struct align_node *node, struct tx_err *err)
{
	size_t at;

	if (ahead->holding)
		give_back(ahead);
	ahead->holding = false;
	if (!ahead->ring && ahead->threads > 1 && ahead->given >= ALONE)
		spread(ahead);
	for (;;) {
		at = atomic_load(&ahead->head);
		await(ahead, at);
		if (!slot_at(ahead, at)->unwanted)
			return give(ahead, slot_at(ahead, at), node, err);
		give_back(ahead);
	}
}

void align_ahead_skip(struct align_ahead *ahead)
{
	size_t at = atomic_load(&ahead->head), end;
	size_t depth = slot_at(ahead, at)->node.depth;

	pthread_mutex_lock(&ahead->lock);
	end = atomic_load(&ahead->tail);
	for (at++; at < end; at++) {
		struct align_ahead_slot *slot = slot_at(ahead, at);

		if (slot->r <= 0 || slot->node.depth <= depth)
			break;
		slot->unwanted = true;
	}
	if (at == end && !ahead->ended)
		align_walk_leave(&ahead->walk, depth, &ahead->broke);
	pthread_mutex_unlock(&ahead->lock);
}

int align_ahead_open(struct align_ahead *ahead, int base, const char *root, const char *shown,
		     struct tx_err *err)
{
	int r;

	*ahead = (struct align_ahead){ .threads = 1, .room = 1, .awaited = SIZE_MAX };
	ahead->alone.node.fd = -1;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_mutex_init(&ahead->waiting, NULL);
	pthread_cond_init(&ahead->has_room, NULL);
	pthread_cond_init(&ahead->is_done, NULL);
	r = align_walk_open(&ahead->walk, base, root, shown, err);
	ahead->walk.lazy = true;
	return r;
}

static void stop(struct align_ahead *ahead)
{
	pthread_mutex_lock(&ahead->lock);
	ahead->stopping = true;
	pthread_cond_broadcast(&ahead->has_room);
	pthread_mutex_unlock(&ahead->lock);
	align_crew_join(&ahead->crew);
}

void align_ahead_release(struct align_ahead *ahead)
{
	stop(ahead);
	for (size_t at = atomic_load(&ahead->head); at < atomic_load(&ahead->tail); at++)
		empty(slot_at(ahead, at));
	for (size_t i = 0; ahead->ring && i < ahead->room; i++)
		tx_arena_release(&ahead->ring[i].arena);
	tx_arena_release(&ahead->alone.arena);
	free(ahead->ring);
	ahead->ring = NULL;
	align_walk_release(&ahead->walk);
	pthread_mutex_destroy(&ahead->lock);
	pthread_mutex_destroy(&ahead->waiting);
	pthread_cond_destroy(&ahead->has_room);
	pthread_cond_destroy(&ahead->is_done);
}
