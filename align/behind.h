/* Jobs that are put off: threads do them behind the one who hands them out, and he hears what became of them in the
 * order in which he handed them out. The counterpart of ahead.h. */
#ifndef ALIGN_BEHIND_H
#define ALIGN_BEHIND_H

#include "align/crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct align_behind {
	/* To be set before the first job. */
	unsigned int threads; /* the most, with who hands out; 1: nothing is put off */
	unsigned int batch; /* so many jobs are worth it to wake a thread; may be changed later */
	size_t job_size; /* bytes of a job; they are zero at first, and then as the last job left them */
	/* Does JOB. Called by any thread, HAND being that thread's. */
	void (*work)(void *hand, void *job);
	/* A job that was put off is done: called by the one who hands out, within a call of his. */
	void (*done)(void *data, void *job);
	void *data; /* borrowed */
	void *hands[ALIGN_CREW_MOST]; /* borrowed; the first is that of who hands out */

	/* Its own. */
	char *ring; /* owned; room jobs; NULL: there was none yet */
	atomic_bool *ready; /* owned; room of them: the job was done */
	size_t room;
	size_t given; /* jobs so far */
	size_t head; /* counted from the start: the next that is heard of */
	size_t next, tail; /* the next that nobody does yet, and the next that is handed out */
	bool stopping;
	unsigned int idle; /* threads that wait for a job */
	struct align_crew crew;
	pthread_mutex_t lock; /* of next, tail, stopping and idle */
	pthread_cond_t has_job;
	pthread_mutex_t waiting; /* of is_done */
	pthread_cond_t is_done;
	atomic_size_t awaited; /* the job that is waited for; SIZE_MAX: none */
};

/* Nothing is begun yet: BEHIND may be set up, used and released. */
void align_behind_open(struct align_behind *behind);

/* The memory of the next job, to be filled. Where all are in use the oldest is waited for. NULL: out of memory. */
void *align_behind_take(struct align_behind *behind);

/* The job that was taken is to be done. True: it was put off, and DONE will be called. False: it is done, DONE is
 * not called, and it can be looked at until the next call. */
bool align_behind_give(struct align_behind *behind);

/* Whether something is put off. */
bool align_behind_has_some(const struct align_behind *behind);

/* Returns when all that was put off is done, and was heard of. */
void align_behind_settle(struct align_behind *behind);

/* Settles, and calls END with each job that there ever was, to give back what it owns. */
void align_behind_release(struct align_behind *behind, void (*end)(void *job));

#endif
