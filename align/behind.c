#include "align/behind.h"

#include <stdint.h>
#include <stdlib.h>

#define MOST_ROOM  64u /* jobs that are put off, each with a descriptor */
#define LEAST_ROOM 8u /* for fewer there need be no threads */
#define AT_ONCE    8u /* jobs that a thread takes at once */
#define ALONE      64u /* so few jobs are not worth a thread */

/* ------------------------------------------------------------------ the ring */

static void *job_at(const struct align_behind *behind, size_t at)
{
	return behind->ring + at % behind->room * behind->job_size;
}

static bool is_ready(const struct align_behind *behind, size_t at)
{
	return atomic_load(&behind->ready[at % behind->room]);
}

static void do_job(struct align_behind *behind, size_t at, void *hand)
{
	behind->work(hand, job_at(behind, at));
	atomic_store(&behind->ready[at % behind->room], true);
	if (atomic_load(&behind->awaited) != at)
		return;
	pthread_mutex_lock(&behind->waiting);
	pthread_cond_signal(&behind->is_done);
	pthread_mutex_unlock(&behind->waiting);
}

/* ------------------------------------------------------------------ who comes behind */

/* Under the lock. False: it is the end. */
static bool wait_for_job(struct align_behind *behind)
{
	behind->idle++;
	while (behind->next == behind->tail && !behind->stopping)
		pthread_cond_wait(&behind->has_job, &behind->lock);
	behind->idle--;
	return behind->next < behind->tail;
}

static void come_behind(void *owner, void *hand)
{
	struct align_behind *behind = owner;

	for (;;) {
		size_t at, end;

		pthread_mutex_lock(&behind->lock);
		if (!wait_for_job(behind)) {
			pthread_mutex_unlock(&behind->lock);
			return;
		}
		at = behind->next;
		end = behind->tail - at < AT_ONCE ? behind->tail : at + AT_ONCE;
		behind->next = end;
		pthread_mutex_unlock(&behind->lock);
		for (; at < end; at++)
			do_job(behind, at, hand);
	}
}

/* ------------------------------------------------------------------ who hands out */

void align_behind_open(struct align_behind *behind)
{
	*behind = (struct align_behind){ .threads = 1, .batch = 1, .awaited = SIZE_MAX };
	pthread_mutex_init(&behind->lock, NULL);
	pthread_mutex_init(&behind->waiting, NULL);
	pthread_cond_init(&behind->has_job, NULL);
	pthread_cond_init(&behind->is_done, NULL);
}

static bool make_ring(struct align_behind *behind)
{
	size_t room = behind->threads > 1 ? align_crew_room(MOST_ROOM) : 1;
	atomic_bool *ready;
	char *ring;

	if (room < LEAST_ROOM) {
		behind->threads = 1;
		room = 1;
	}
	ring = calloc(room, behind->job_size);
	ready = calloc(room, sizeof(*ready));
	if (!ring || !ready) {
		free(ring);
		free(ready);
		return false;
	}
	behind->ring = ring;
	behind->ready = ready;
	behind->room = room;
	return true;
}

/* He does one himself, where there is one that nobody does. */
static bool help(struct align_behind *behind)
{
	size_t at;
	bool any;

	pthread_mutex_lock(&behind->lock);
	any = behind->next < behind->tail;
	at = behind->next;
	behind->next += any;
	pthread_mutex_unlock(&behind->lock);
	if (any)
		do_job(behind, at, behind->hands[0]);
	return any;
}

static void await(struct align_behind *behind, size_t at)
{
	pthread_mutex_lock(&behind->waiting);
	atomic_store(&behind->awaited, at);
	while (!is_ready(behind, at))
		pthread_cond_wait(&behind->is_done, &behind->waiting);
	atomic_store(&behind->awaited, SIZE_MAX);
	pthread_mutex_unlock(&behind->waiting);
}

/* Hears of those that are done, the oldest first. */
static void hear(struct align_behind *behind)
{
	while (behind->head < behind->tail && is_ready(behind, behind->head)) {
		size_t at = behind->head++;

		atomic_store(&behind->ready[at % behind->room], false);
		behind->done(behind->data, job_at(behind, at));
	}
}

void *align_behind_take(struct align_behind *behind)
{
	if (!behind->ring && !make_ring(behind))
		return NULL;
	hear(behind);
	while (behind->tail - behind->head == behind->room) {
		if (!is_ready(behind, behind->head) && !help(behind))
			await(behind, behind->head);
		hear(behind);
	}
	return job_at(behind, behind->tail);
}

bool align_behind_give(struct align_behind *behind)
{
	bool wake;

	if (behind->given++ == ALONE)
		align_crew_start(&behind->crew, behind->threads, come_behind, behind,
				 behind->hands);
	/* Without a thread nothing is put off. */
	if (behind->crew.started == 0) {
		behind->work(behind->hands[0], job_at(behind, behind->tail));
		return false;
	}
	pthread_mutex_lock(&behind->lock);
	behind->tail++;
	wake = behind->idle > 0 && behind->tail - behind->next >= behind->batch;
	pthread_mutex_unlock(&behind->lock);
	if (wake)
		pthread_cond_signal(&behind->has_job);
	return true;
}

bool align_behind_has_some(const struct align_behind *behind)
{
	return behind->head < behind->tail;
}

void align_behind_settle(struct align_behind *behind)
{
	while (behind->head < behind->tail) {
		if (!is_ready(behind, behind->head) && !help(behind))
			await(behind, behind->head);
		hear(behind);
	}
}

void align_behind_release(struct align_behind *behind, void (*end)(void *job))
{
	align_behind_settle(behind);
	pthread_mutex_lock(&behind->lock);
	behind->stopping = true;
	pthread_cond_broadcast(&behind->has_job);
	pthread_mutex_unlock(&behind->lock);
	align_crew_join(&behind->crew);
	for (size_t i = 0; behind->ring && i < behind->room; i++)
		end(behind->ring + i * behind->job_size);
	free(behind->ring);
	free(behind->ready);
	pthread_mutex_destroy(&behind->lock);
	pthread_mutex_destroy(&behind->waiting);
	pthread_cond_destroy(&behind->has_job);
	pthread_cond_destroy(&behind->is_done);
}
